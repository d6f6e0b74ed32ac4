/// Path attributes behind one reference: to hand them on costs one count, and not one for each of their lists.
///
/// A feed of single prefixes repeats its attributes many times over. The repetitions are the same object (`AttributeMemo`), and whoever has
/// looked at that knows the outcome already.
package final class SharedAttributes: Hashable, Sendable {
  package let value: PathAttributes

  /// Attributes that say nothing.
  package static let none = SharedAttributes(PathAttributes())

  package init(_ value: PathAttributes) {
    self.value = value
  }

  package static func == (left: SharedAttributes, right: SharedAttributes) -> Bool {
    left === right || left.value == right.value
  }

  package func hash(into hasher: inout Hasher) {
    value.hash(into: &hasher)
  }
}
