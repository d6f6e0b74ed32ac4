import NIOCore
import NIOEmbedded
import Primitives
import Testing
import Transport

@Suite("TCP MD5 signatures (RFC 2385)")
struct TCPSignatureTests {
  /// What setting the key says on a channel that is no socket.
  private func failure(_ signature: TCPSignature) throws -> String? {
    let channel = EmbeddedChannel()
    defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
    do {
      try signature.set(on: channel).wait()
      return nil
    } catch let error as SystemError {
      return error.description
    }
  }

  @Test("A key that the kernel cannot take is refused with the neighbor's name", arguments: [0, 81])
  func unusableKey(length: Int) throws {
    let address = try #require(IPAddress("2001:db8::1"))
    let words = try failure(TCPSignature(of: address, key: [UInt8](repeating: 7, count: length)))
    #expect(words == "tcp md5sig for neighbor 2001:db8::1: a key of \(length) octets, expected 1 to 80")
  }

  @Test("What the system refuses names the neighbor", arguments: [1, 80])
  func refusal(length: Int) throws {
    let address = try #require(IPAddress("192.0.2.1"))
    let words = try failure(TCPSignature(of: address, key: [UInt8](repeating: 7, count: length)))
    #expect(words?.hasPrefix("tcp md5sig for neighbor 192.0.2.1: ") == true)
  }
}
