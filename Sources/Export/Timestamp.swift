/// A moment as `2026-11-21T09:30:00Z`, for the header of an export.
package struct Timestamp: Hashable, Sendable, CustomStringConvertible {
  /// Seconds since 1970-01-01 00:00 UTC.
  package let unixSeconds: Int64

  package init(unixSeconds: Int64) {
    self.unixSeconds = unixSeconds
  }

  package var description: String {
    let day = unixSeconds.flooredQuotient(by: 86_400)
    // Wrapping, because the product alone may lie below the smallest number.
    let second = unixSeconds &- day &* 86_400
    // Days are counted from 1 March of year 0, so that the leap day is the last of its year; an era is 400 years.
    let shifted = day + 719_468
    let era = shifted.flooredQuotient(by: 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let dayOfMonth = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let date = "\(year)-\(Self.twoDigits(month))-\(Self.twoDigits(dayOfMonth))"
    let time = [second / 3_600, second / 60 % 60, second % 60].map(Self.twoDigits).joined(separator: ":")
    return "\(date)T\(time)Z"
  }

  private static func twoDigits(_ value: Int64) -> String {
    value < 10 ? "0\(value)" : String(value)
  }
}

extension Int64 {
  fileprivate func flooredQuotient(by divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
