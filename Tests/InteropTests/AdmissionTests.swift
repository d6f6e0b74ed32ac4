import Foundation
import Testing

extension InteropTier {
  /// Who may connect, and who may ask for what.
  @Suite("Who is let in") struct Admission {
    @Test("A connection from an address of no neighbor is told Cease, connection rejected, and closed (RFC 4486 §4)")
    func stranger() throws {
      try Laboratory.run { laboratory in
        let nftbgpd = try NftbgpdUnderTest(
          laboratory,
          """
          AS 65500
          router-id 127.0.0.1
          listen on 127.0.0.1
          neighbor 127.0.0.2 {
            remote-as 65066
            multihop 64
            passive
          }

          """)
        try nftbgpd.waitForLog("Idle -> Active")
        let read = """
          import socket
          s = socket.create_connection(("127.0.0.1", 179), 5, ("127.0.0.9", 0))
          octets = b""
          while chunk := s.recv(4096): octets += chunk
          print(octets.hex())
          """
        let outcome = try laboratory.run("python3", ["-c", read])
        #expect(outcome.output == String(repeating: "ff", count: 16) + "0015" + "03" + "0605\n")
        #expect(nftbgpd.lines(with: "connection from 127.0.0.9 refused: no neighbor") == 1)
      }
    }

    @Test("A socket that is open to everybody still takes changes only from who may make them, and says who did")
    func credentials() throws {
      try Laboratory.run { laboratory in
        let nftbgpd = try NftbgpdUnderTest(laboratory, neighbors: ["127.0.0.2"])
        try laboratory.wait("the daemon answers") { try nftbgpd.control("show").status == 0 }
        // Where everybody gets to it.
        let program = laboratory.path("nftbgpctl")
        try FileManager.default.copyItem(atPath: Laboratory.product("nftbgpctl"), toPath: program)
        for (path, mode) in [(laboratory.directory, "0755"), (program, "0755"), (nftbgpd.socket, "0666")] {
          _ = try laboratory.run("chmod", [mode, path])
        }
        let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups", program, "-s", nftbgpd.socket]
        #expect(try laboratory.run("setpriv", nobody + ["show"]).status == 0)
        let refused = try laboratory.run("setpriv", nobody + ["neighbor", "127.0.0.2", "down"])
        #expect(refused.status == 1)
        #expect(
          refused.errors
            == "nftbgpctl: only root, the user of nftbgpd and members of its group may change anything\n")
        #expect(nftbgpd.lines(with: "control request of user") == 0)
        #expect(try nftbgpd.control("neighbor", "127.0.0.2", "down").status == 0)
        #expect(nftbgpd.lines(with: "control request of user 0, process") == 1)
      }
    }

    @Test("Members of the daemon's group may make changes, whether it is their first group or another")
    func group() throws {
      try Laboratory.run { laboratory in
        let socket = laboratory.path("group.sock")
        let file = try laboratory.write(
          """
          AS 65500
          router-id 127.0.0.1
          snapshot no
          socket "\(socket)"
          neighbor 127.0.0.2 {
            remote-as 65066
            multihop 64
          }

          """, to: "group.conf")
        _ = try laboratory.start(
          "setpriv", ["--regid", "1234", "--clear-groups", Laboratory.product("nftbgpd"), "-f", file], log: "group.log")
        let program = laboratory.path("nftbgpctl")
        try FileManager.default.copyItem(atPath: Laboratory.product("nftbgpctl"), toPath: program)
        for path in [laboratory.directory, program] { _ = try laboratory.run("chmod", ["0755", path]) }
        try laboratory.wait("the daemon answers") { try laboratory.run(program, ["-s", socket, "show"]).status == 0 }
        for (groups, isMember) in [
          (["--regid", "1234", "--clear-groups"], true), (["--regid", "65534", "--groups", "7,1234"], true),
          (["--regid", "65534", "--groups", "7"], false),
        ] {
          let outcome = try laboratory.run(
            "setpriv", ["--reuid", "65534"] + groups + [program, "-s", socket, "neighbor", "127.0.0.2", "clear"])
          // The file itself keeps the others out: 0660.
          #expect((outcome.status == 0) == isMember, "\(groups): \(outcome.errors)")
        }
      }
    }
  }
}
