import ConfigFile
import Primitives

/// A configuration file: it loads or it is refused; what loads prints back to an equal configuration.
@c(LLVMFuzzerTestOneInput)
public func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let text = unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  guard let configuration = parse(text) else { return 0 }
  let printed = configuration.print(showingSecrets: true)
  guard let again = parse(printed), again.print(showingSecrets: true) == printed else {
    fatalError("a configuration does not survive printing:\n\(printed)")
  }
  return 0
}

private func parse(_ text: String) -> Configuration? {
  ConfigParser.parse(file: "fuzz") { path throws(SystemError) in
    guard path == "fuzz" else { throw SystemError(call: "open \(path)", errorNumber: 2) }
    return text
  }.configuration
}
