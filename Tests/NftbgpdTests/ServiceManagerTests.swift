import Foundation
import Primitives
import TestSupport
import Testing

@testable import nftbgpd

@Suite("The service manager")
struct ServiceManagerTests {
  private func manager(_ receiver: DatagramReceiver) throws -> ServiceManager {
    try #require(try ServiceManager(environment: ["NOTIFY_SOCKET": receiver.name], process: getpid()))
  }

  private func text(_ receiver: DatagramReceiver) throws -> String {
    String(decoding: try #require(receiver.next(within: 5)), as: UTF8.self)
  }

  @Test("is told by path and by abstract name", arguments: ["/tmp/nftbgpd-notify-\(getpid())", "@nftbgpd-\(getpid())"])
  func names(name: String) throws {
    let receiver = try DatagramReceiver(name)
    let manager = try manager(receiver)
    manager.ready()
    #expect(try text(receiver) == "READY=1")
    manager.stopping()
    #expect(try text(receiver).hasPrefix("STOPPING=1\nSTATUS="))
  }

  @Test("A reload has its time in the same datagram, and ends with READY")
  func reload() throws {
    let receiver = try DatagramReceiver("@nftbgpd-reload-\(getpid())")
    let manager = try manager(receiver)
    let uptime = UInt64(ProcessInfo.processInfo.systemUptime * 1e6)
    manager.reloading()
    let lines = try text(receiver).split(separator: "\n")
    #expect(lines.first == "RELOADING=1")
    let time = try #require(lines.last?.split(separator: "=").last.flatMap { UInt64($0) })
    #expect(lines.last?.hasPrefix("MONOTONIC_USEC=") == true)
    // systemd takes READY only for the reload that is not older than its own signal.
    #expect(time + 1_000_000 > uptime && time < uptime + 60_000_000)
    manager.ready()
    #expect(try text(receiver) == "READY=1")
  }

  @Test("A status is told when it has changed")
  func status() throws {
    let receiver = try DatagramReceiver("@nftbgpd-status-\(getpid())")
    let manager = try manager(receiver)
    manager.report("0/2 neighbors up")
    manager.report("0/2 neighbors up")
    manager.report("1/2 neighbors up")
    #expect(try text(receiver) == "STATUS=0/2 neighbors up")
    #expect(try text(receiver) == "STATUS=1/2 neighbors up")
    manager.report("0/2 neighbors up; an error\nREADY=1")
    #expect(try text(receiver) == "STATUS=0/2 neighbors up; an error READY=1")
  }

  @Test("There is none without NOTIFY_SOCKET, and what is no address of a socket is an error")
  func none() throws {
    #expect(try ServiceManager(environment: [:], process: 1) == nil)
    #expect(try ServiceManager(environment: ["NOTIFY_SOCKET": ""], process: 1) == nil)
    for name in ["relative", "/" + String(repeating: "x", count: 108)] {
      #expect(throws: SystemError.self) { try ServiceManager(environment: ["NOTIFY_SOCKET": name], process: 1) }
    }
  }

  @Test("One that does not listen is no reason to end")
  func deaf() throws {
    let manager = try ServiceManager(environment: ["NOTIFY_SOCKET": "/nonexistent/notify"], process: 1)
    try #require(manager).ready()
  }
}
