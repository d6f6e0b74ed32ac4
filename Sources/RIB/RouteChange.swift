package import Primitives

/// What happened to one route of one peer.
package enum RouteChange: Hashable, Sendable {
  /// Announced with these attributes; `replacing` are those it had before, which may be the same.
  case announced(Prefix, attributes: AttributesID, replacing: AttributesID?)
  /// Gone; these are the attributes it had.
  case withdrawn(Prefix, attributes: AttributesID)

  /// Whether a route was announced as it was already, as an answer to a route refresh does.
  package var isRepetition: Bool {
    if case .announced(_, let attributes, let replaced) = self { attributes == replaced } else { false }
  }
}
