package import Primitives

/// OPEN (RFC 4271 §4.2).
///
///     +---------------+
///     |    Version    |
///     +---------------+---------------+
///     |    My Autonomous System       |
///     +-------------------------------+
///     |          Hold Time            |
///     +-------------------------------+-------------------------------+
///     |                        BGP Identifier                         |
///     +---------------+-----------------------------------------------+
///     | Opt Parm Len  |  Optional Parameters (variable) …
///     +---------------+
///
/// The optional parameters come in the encoding of RFC 4271, or, when they begin with the type 255, in that of RFC 9072 with two-octet
/// lengths.
package struct OpenMessage: Hashable, Sendable {
  /// "My Autonomous System": AS_TRANS when the real number stands in the four-octet AS capability.
  package var myAS: UInt16
  /// Seconds; 0 for no KEEPALIVEs.
  package var holdTime: UInt16
  package var bgpIdentifier: IPv4Address
  package var capabilities: [Capability]

  package init(myAS: UInt16, holdTime: UInt16, bgpIdentifier: IPv4Address, capabilities: [Capability]) {
    self.myAS = myAS
    self.holdTime = holdTime
    self.bgpIdentifier = bgpIdentifier
    self.capabilities = capabilities
  }

  /// The AS number that the sender means (RFC 6793 §4.1).
  package var asn: ASN {
    for case .fourOctetAS(let number) in capabilities {
      return number
    }
    return ASN(UInt32(myAS))
  }

  init(_ body: OctetReader, in octets: Span<UInt8>) throws(NotificationMessage) {
    var reader = body
    guard let version = reader.readUInt8(octets), let myAS = reader.readUInt16(octets),
      let holdTime = reader.readUInt16(octets),
      let identifier = reader.readUInt32(octets), let parametersLength = reader.readUInt8(octets)
    else { throw Self.fault(IANA.OpenSubcode.unspecific) }
    guard version == IANA.version else {
      // RFC 4271 §6.2: the data is the largest version that we speak.
      throw Self.fault(IANA.OpenSubcode.unsupportedVersion, data: [0, IANA.version])
    }
    // RFC 6286 §2.2: any non-zero identifier is good.
    guard identifier != 0 else { throw Self.fault(IANA.OpenSubcode.badBGPIdentifier) }
    guard holdTime == 0 || holdTime >= 3 else { throw Self.fault(IANA.OpenSubcode.unacceptableHoldTime) }
    self.myAS = myAS
    self.holdTime = holdTime
    bgpIdentifier = IPv4Address(identifier)
    capabilities = []
    try decodeParameters(length: parametersLength, &reader, octets)
  }

  private mutating func decodeParameters(
    length: UInt8, _ reader: inout OctetReader, _ octets: Span<UInt8>
  ) throws(NotificationMessage) {
    var peek = reader
    let isExtended = length != 0 && peek.readUInt8(octets) == IANA.OptionalParameter.extendedLength
    var parametersLength = Int(length)
    if isExtended {
      // RFC 9072 §2: the one-octet length is ignored, type 255 and a two-octet length follow.
      reader = peek
      guard let extendedLength = reader.readUInt16(octets) else { throw Self.fault(IANA.OpenSubcode.unspecific) }
      parametersLength = Int(extendedLength)
    }
    guard var parameters = reader.take(parametersLength), reader.isAtEnd else {
      throw Self.fault(IANA.OpenSubcode.unspecific)
    }
    while !parameters.isAtEnd {
      guard let type = parameters.readUInt8(octets),
        let length = isExtended
          ? parameters.readUInt16(octets).map(Int.init) : parameters.readUInt8(octets).map(Int.init),
        var parameter = parameters.take(length)
      else { throw Self.fault(IANA.OpenSubcode.unspecific) }
      guard type == IANA.OptionalParameter.capabilities else {
        throw Self.fault(IANA.OpenSubcode.unsupportedOptionalParameter)
      }
      while !parameter.isAtEnd {
        guard let capability = Capability(&parameter, in: octets) else { throw Self.fault(IANA.OpenSubcode.unspecific) }
        capabilities.append(capability)
      }
    }
  }

  private static func fault(_ subcode: UInt8, data: [UInt8] = []) -> NotificationMessage {
    NotificationMessage(IANA.ErrorCode.openMessage, subcode, data: data)
  }

  func encode(into writer: inout OctetWriter) {
    writer.write(IANA.version)
    writer.write(myAS)
    writer.write(holdTime)
    writer.write(bgpIdentifier.value)
    var list = OctetWriter()
    for capability in capabilities {
      capability.encode(into: &list)
    }
    guard list.count > 0 else {
      writer.write(UInt8(0))
      return
    }
    if let short = UInt8(exactly: list.count), list.count + 2 < 255 {
      writer.write(short + 2)
      writer.write(IANA.OptionalParameter.capabilities)
      writer.write(short)
    } else {
      // RFC 9072 §2.
      writer.write(UInt8.max)
      writer.write(IANA.OptionalParameter.extendedLength)
      writer.write(UInt16(clamping: list.count + 3))
      writer.write(IANA.OptionalParameter.capabilities)
      writer.write(UInt16(clamping: list.count))
    }
    writer.write(list.octets)
  }
}
