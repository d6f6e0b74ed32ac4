import Foundation
import Testing

/// Output of OpenBGPD 7.7's bgpctl: the command that made it in the first line, its exit status at the end.
func fixture(_ name: String) throws -> String {
  let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  var text = try String(contentsOf: directory.appendingPathComponent("Fixtures/control/\(name)"), encoding: .utf8)
  if text.hasPrefix("$ ") {
    text = String(text[try #require(text.firstIndex(of: "\n"))...].dropFirst())
  }
  if let exit = text.range(of: "[exit ", options: .backwards) {
    text = String(text[..<exit.lowerBound])
  }
  return text
}

/// Runs a program of the system with `input`, and answers what it wrote.
func run(_ program: String, _ arguments: [String], input: String) throws -> String {
  let file = URL(fileURLWithPath: NSTemporaryDirectory() + "nftbgp-input-\(UInt64.random(in: .min ... .max))")
  try Data(input.utf8).write(to: file)
  defer { try? FileManager.default.removeItem(at: file) }
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = [program] + arguments
  process.standardInput = try FileHandle(forReadingFrom: file)
  let output = Pipe()
  process.standardOutput = output
  try process.run()
  let data = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  #expect(process.terminationStatus == 0)
  return String(decoding: data, as: UTF8.self)
}
