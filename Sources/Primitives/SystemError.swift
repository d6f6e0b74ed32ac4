/// A system call that failed: which one, on what, and the kernel's `errno`.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The call as its manual page names it, with its object where there is one, for example `open /etc/nftbgpd.conf`.
  package let call: String
  /// The value of `errno`.
  package let errorNumber: Int32
  /// The text of `strerror(3)`, which only the shell can look up; empty when nobody did.
  package let explanation: String

  package init(call: String, errorNumber: Int32, explanation: String = "") {
    self.call = call
    self.errorNumber = errorNumber
    self.explanation = explanation
  }

  package var description: String {
    explanation.isEmpty ? "\(call): error \(errorNumber)" : "\(call): \(explanation)"
  }
}
