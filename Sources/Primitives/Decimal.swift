extension FixedWidthInteger {
  /// A decimal number of digits alone: no sign, no space, no empty text, nothing beyond the type.
  ///
  /// `Int("+5")` is 5 in the standard library; no configuration or command line means that.
  package init?(decimal text: some StringProtocol) {
    guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      return nil
    }
    self.init(text, radix: 10)
  }
}
