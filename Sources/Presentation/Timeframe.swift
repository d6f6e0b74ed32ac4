/// A length of time as bgpctl(8) shows it: `HH:MM:SS`, from a day on `DdHHhMMm`, from a week on `WWwDdHHh`.
package enum Timeframe {
  package static func text(_ seconds: UInt64) -> String {
    let (minutes, second) = seconds.quotientAndRemainder(dividingBy: 60)
    let (hours, minute) = minutes.quotientAndRemainder(dividingBy: 60)
    let (days, hour) = hours.quotientAndRemainder(dividingBy: 24)
    let (week, day) = days.quotientAndRemainder(dividingBy: 7)
    if week > 0 { return "\(twoDigits(week))w\(day)d\(twoDigits(hour))h" }
    if day > 0 { return "\(day)d\(twoDigits(hour))h\(twoDigits(minute))m" }
    return "\(twoDigits(hour)):\(twoDigits(minute)):\(twoDigits(second))"
  }

  /// The same, and `Never` for what has not happened.
  package static func text(sinceOptional seconds: UInt64?) -> String {
    seconds.map(text) ?? "Never"
  }

  private static func twoDigits(_ value: UInt64) -> String {
    value < 10 ? "0\(value)" : String(value)
  }
}
