/// Why octets of the control socket were not understood. Whatever the case, the connection is of no more use.
package enum ControlError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The request is of another protocol version: worth a `.failure` that says so.
  case unsupportedVersion(UInt8)
  /// A frame announces more octets than either side ever sends.
  case oversized(UInt32)
  /// The octets are not what this protocol version puts there.
  case malformed(String)

  package var description: String {
    switch self {
    case .unsupportedVersion(let version):
      "control protocol version \(version) is not supported, only \(ControlRequest.protocolVersion): "
        + "nftbgpd and nftbgpctl are of different releases"
    case .oversized(let length):
      "a control message of \(length) octets is too long"
    case .malformed(let what):
      "malformed control message: \(what)"
    }
  }
}
