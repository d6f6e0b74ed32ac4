import Primitives
import Testing

@testable import Netfilter

/// The octets of events. These need no kernel and run everywhere.
@Suite("Events of the ruleset, in octets")
struct MonitorByteTests {
  private let table = NFTable(name: "nftbgpd")

  // Two datagrams, as a socket in NFNLGRP_NFTABLES gets them (kernel 6.18) when nft -f (nft 1.0.6), process 14163, has
  // committed
  //   flush ruleset
  //   table inet nftbgpd { set black { type ipv4_addr; }; set black_net { type ipv4_addr; flags interval; }; }
  //   add element inet nftbgpd black_net { 192.0.2.0/24, 255.0.0.0/8 }
  private static let events = octets(
    """
    38000000 0b0a 0000 01000000 53370000 01 00 0003   # DELSET
      0c00 0100 6e667462 67706400  0a00 0200 626c6163 6b000000  0c00 1000 00000000 00000001
    3c000000 0b0a 0000 01000000 53370000 01 00 0003   # DELSET
      0c00 0100 6e667462 67706400  0e00 0200 626c6163 6b5f6e65 74000000  0c00 1000 00000000 00000002
    34000000 020a 0000 01000000 53370000 01 00 0003   # DELTABLE
      0c00 0100 6e667462 67706400  0800 0300 00000000  0c00 0400 00000000 00000001
    3c000000 000a 0000 02000000 53370000 01 00 0003   # NEWTABLE
      0c00 0100 6e667462 67706400  0800 0300 00000002  0c00 0400 00000000 00000002  0800 0200 00000000
    78000000 090a 0004 03000000 53370000 01 00 0003   # NEWSET
      0c00 0100 6e667462 67706400  0a00 0200 626c6163 6b000000  0c00 1000 00000000 00000001
      0800 0400 00000007  0800 0500 00000004  0a00 0d00 00040200 00000000  0400 0900
      1700 1300 30786666 66666666 66663832 35303766 34300000  0800 1400 00000000
    84000000 090a 0004 04000000 53370000 01 00 0003   # NEWSET
      0c00 0100 6e667462 67706400  0e00 0200 626c6163 6b5f6e65 74000000  0c00 1000 00000000 00000002
      0800 0300 00000004  0800 0400 00000007  0800 0500 00000004  0a00 0d00 00040200 00000000  0400 0900
      1700 1300 30786666 66666666 66663832 35303830 65300000  0800 1400 00000002
    4c000000 0c0a 0004 00000000 53370000 01 00 0003   # NEWSETELEM, an end
      0c00 0100 6e667462 67706400  0e00 0200 626c6163 6b5f6e65 74000000
      1c00 0300 1800 0100 0c00 0100 0800 0100 00000000 0800 0300 00000001
    44000000 0c0a 0004 00000000 53370000 01 00 0003   # NEWSETELEM
      0c00 0100 6e667462 67706400  0e00 0200 626c6163 6b5f6e65 74000000
      1400 0300 1000 0100 0c00 0100 0800 0100 c0000200
    4c000000 0c0a 0004 00000000 53370000 01 00 0003   # NEWSETELEM, an end
      0c00 0100 6e667462 67706400  0e00 0200 626c6163 6b5f6e65 74000000
      1c00 0300 1800 0100 0c00 0100 0800 0100 c0000300 0800 0300 00000001
    50000000 0c0a 0004 00000000 53370000 01 00 0003   # NEWSETELEM
      0c00 0100 6e667462 67706400  0e00 0200 626c6163 6b5f6e65 74000000
      2000 0300 1c00 0100 0c00 0100 0800 0100 ff000000 0a00 0600 01040100 00000000
    2c000000 0f0a 0000 01000000 53370000 00 00 0003   # NEWGEN, of no family
      0800 0100 00000003  0800 0200 00003753  0800 0300 6e667400
    """)
  private static let change = RulesetChange(
    generation: 3, portID: 14163, processID: 14163, processName: "nft", table: .replaced,
    sets: ["black": .init(fate: .replaced), "black_net": .init(fate: .replaced, added: 2)])

  @Test("The events of a reload are one change")
  func reload() {
    #expect(Self.read(Self.events, table).changes == [Self.change])
    #expect(
      Self.change.description
        == "generation 3 by nft[14163]: table replaced, set black replaced, set black_net replaced 2 added")
  }

  @Test(
    "Of another table only the commit is told",
    arguments: [
      NFTable(family: .ipv4, name: "nftbgpd"), NFTable(name: "nftbgp"), NFTable(name: "nftbgpd2"), NFTable(name: ""),
    ])
  func anotherTable(other: NFTable) {
    let changes = Self.read(Self.events, other).changes
    #expect(changes.map(\.generation) == [3])
    #expect(changes.map(\.touchesTable) == [false])
    #expect(changes.map(\.description) == ["generation 3 by nft[14163]: nothing of the table"])
  }

  @Test("A process may call itself anything, and is shown in printable ASCII")
  func processName() {
    var events = Self.events
    // ESC, a letter of two octets and a newline, where `nft` and its NUL were; the kernel always sends the NUL.
    events.replaceSubrange((events.count - 4)..., with: [0x1B, 0xC3, 0xA9, 0x0A])
    #expect(Self.read(events, table).changes.map(\.processName) == ["???"])
    events.replaceSubrange((events.count - 4)..., with: [0xFF, 0x0D, 0x0A, 0])
    #expect(Self.read(events, table).changes.map(\.processName) == ["???"])
  }

  @Test("Later is a matter of serial numbers, so that it survives the wrap of the generation")
  func order() {
    var change = Self.change
    #expect(change.isLater(than: 2) && !change.isLater(than: 3) && !change.isLater(than: 4))
    #expect(change.isLater(than: .max))
    change.generation = .max
    #expect(change.isLater(than: .max - 1) && !change.isLater(than: 1))
  }

  @Test("Events that end anywhere, or have any octets changed, are read or refused but never trapped on")
  func damage() {
    var random = RandomSource(seed: 11)
    var malformed = 0
    for length in 0..<Self.events.count {
      malformed += Self.read(Array(Self.events.prefix(length)), table).isMalformed ? 1 : 0
    }
    for _ in 0..<20_000 {
      var damaged = Self.events
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<damaged.count, using: &random)
        let odd: [UInt8] = [0, 1, 3, 4, 8, 0x7F, 0x80, 0xFF, .random(in: .min ... .max, using: &random)]
        damaged[place] = odd.randomElement(using: &random) ?? 0
      }
      malformed += Self.read(damaged, table).isMalformed ? 1 : 0
    }
    #expect(malformed > 1000)
  }

  private static func read(_ octets: [UInt8], _ table: NFTable) -> (changes: [RulesetChange], isMalformed: Bool) {
    var events = RulesetEvents(table: table)
    var changes: [RulesetChange] = []
    do throws(MalformedReply) {
      let span = octets.span
      var reader = OctetReader(span)
      while let message = try reader.nextMessage(span) {
        if let change = try events.take(message, span) { changes.append(change) }
      }
    } catch {
      return (changes, true)
    }
    return (changes, false)
  }
}
