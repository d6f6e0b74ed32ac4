import Testing

extension InteropTier {
  @Suite("What is said last") struct LastWords {
    /// A peer that sends a bad header in the middle of much else, and only then reads: its octets, or "reset".
    private static let peer = """
      import socket
      listener = socket.create_server(("127.0.0.9", 179))
      s = listener.accept()[0]
      def message(kind, body): return b"\\xff" * 16 + (19 + len(body)).to_bytes(2, "big") + bytes([kind]) + body
      capabilities = bytes.fromhex("020c" + "0104000100014104" + "0000fe2a")
      s.sendall(message(1, bytes([4]) + (65066).to_bytes(2, "big") + bytes([0, 90, 127, 0, 0, 9, 14]) + capabilities))
      s.sendall(message(4, b"") + message(4, b"") * 1000 + b"\\x00" * 19 + message(4, b"") * 200_000)
      octets = b""
      try:
        while chunk := s.recv(65536): octets += chunk
        print(octets.hex())
      except ConnectionResetError:
        print("reset", octets.hex())
      """

    @Test("A NOTIFICATION reaches a peer that has sent much more than is read, five times")
    func notification() throws {
      for _ in 0..<5 {
        try Laboratory.run { laboratory in
          let peer = try laboratory.start("python3", ["-c", Self.peer], log: "peer.log")
          let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: ["127.0.0.9"])
          #expect(try peer.wait(seconds: 20) == 0)
          #expect(nftbgpd.lines(with: "sending notification: Header error, synchronization error") == 1)
          #expect(peer.printed.hasSuffix("0015" + "03" + "0101\n"))
          #expect(!peer.printed.contains("reset"))
        }
      }
    }
  }
}
