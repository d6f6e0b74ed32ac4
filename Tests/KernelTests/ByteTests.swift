import Primitives
import Testing

@testable import Netfilter

/// The octets themselves. These need no kernel and run everywhere.
@Suite("Netlink octets")
struct ByteTests {
  private let table = NFTable(name: "nftbgpd")
  private let black = SetDeclaration(name: "black", family: .ipv4, isInterval: false)
  private let blackNet = SetDeclaration(name: "black_net", family: .ipv4, isInterval: true)
  private let black6 = SetDeclaration(name: "black6", family: .ipv6, isInterval: false, size: 4096)

  @Test("Declarations are the octets that nft(8) sends")
  func declarations() throws {
    var transaction = Transaction(table: table)
    try transaction.createTable()
    try transaction.create(black)
    try transaction.create(blackNet)
    try transaction.create(black6)
    // strace -e trace=sendmsg -e write=all nft -f FILE (nft 1.0.6), where FILE is:
    //   add table inet nftbgpd
    //   add set inet nftbgpd black { type ipv4_addr; }
    //   add set inet nftbgpd black_net { type ipv4_addr; flags interval; }
    //   add set inet nftbgpd black6 { type ipv6_addr; size 4096; }
    // One octet differs: the last message asks for an acknowledgement.
    let wanted = octets(
      """
      14000000 1000 0100 00000000 00000000 00 00 000a   # BATCH_BEGIN, REQUEST; subsystem 10
      28000000 000a 0100 01000000 00000000 01 00 0000   # NEWTABLE, REQUEST; inet
        0c00 0100 6e667462 67706400                     # TABLE_NAME nftbgpd
        0800 0200 00000000                              # TABLE_FLAGS
      58000000 090a 0104 02000000 00000000 01 00 0000   # NEWSET, REQUEST|CREATE
        0c00 0100 6e667462 67706400                     # SET_TABLE nftbgpd
        0a00 0200 626c6163 6b00 0000                    # SET_NAME black, padding
        0800 0300 00000000                              # SET_FLAGS none
        0800 0400 00000007                              # SET_KEY_TYPE ipv4_addr
        0800 0500 00000004                              # SET_KEY_LEN
        0800 0a00 00000001                              # SET_ID
        0a00 0d00 00 04 02000000 0000                   # SET_USERDATA key byte order big endian, padding
      5c000000 090a 0104 03000000 00000000 01 00 0000   # NEWSET, REQUEST|CREATE
        0c00 0100 6e667462 67706400
        0e00 0200 626c6163 6b5f6e65 7400 0000           # SET_NAME black_net
        0800 0300 00000004                              # SET_FLAGS interval
        0800 0400 00000007
        0800 0500 00000004
        0800 0a00 00000002
        0a00 0d00 00 04 02000000 0000
      64000000 090a 0504 04000000 00000000 01 00 0000   # NEWSET, REQUEST|CREATE|ACK: nft has 01 04
        0c00 0100 6e667462 67706400
        0b00 0200 626c6163 6b3600 00                    # SET_NAME black6
        0800 0300 00000000
        0800 0400 00000008                              # SET_KEY_TYPE ipv6_addr
        0800 0500 00000010
        0800 0a00 00000003
        0c00 0980 0800 0100 00001000                    # SET_DESC { SET_DESC_SIZE 4096 }
        0a00 0d00 00 04 02000000 0000
      14000000 1100 0100 05000000 00000000 00 00 000a   # BATCH_END
      """)
    #expect(datagram(of: transaction.finish()) == wanted)
  }

  @Test("Elements are the octets that nft(8) sends, without the identifier of the set")
  func elements() throws {
    var transaction = Transaction(table: table, expectedGeneration: 258)
    try transaction.remove(try prefixes("192.0.2.1"), from: black)
    try transaction.add(try prefixes("192.0.2.0/24"), to: blackNet, isExclusive: true)
    try transaction.add(try prefixes("255.0.0.0/8"), to: blackNet)
    try transaction.add(try prefixes("2001:db8::1"), to: black6)
    transaction.flush(black6)
    #expect(transaction.elementCount == 4)
    // strace -e trace=sendmsg -e write=all nft -f FILE (nft 1.0.6), with the sets above and one element in black_net; FILE is:
    //   delete element inet nftbgpd black { 192.0.2.1 }
    //   add element inet nftbgpd black_net { 192.0.2.0/24 }
    //   add element inet nftbgpd black6 { 2001:db8::1 }
    //   flush set inet nftbgpd black6
    // What differs is said beside it; the message with 255.0.0.0/8 and the generation are our own.
    let wanted = octets(
      """
      1c000000 1000 0100 00000000 00000000 00 00 000a   # BATCH_BEGIN
        0800 0100 00000102                              # BATCH_GENID 258
      40000000 0e0a 0100 01000000 00000000 01 00 0000   # DELSETELEM, REQUEST
        0c00 0100 6e667462 67706400                     # LIST_TABLE nftbgpd
        0a00 0200 626c6163 6b00 0000                    # LIST_SET black
        1400 0380                                       # LIST_ELEMENTS, nested
          1000 0180 0c00 0180 0800 0100 c0000201        # LIST_ELEM { ELEM_KEY { DATA_VALUE 192.0.2.1 } }
      5c000000 0c0a 0106 02000000 00000000 01 00 0000   # NEWSETELEM, REQUEST|CREATE|EXCL: nft has 01 04
        0c00 0100 6e667462 67706400
        0e00 0200 626c6163 6b5f6e65 7400 0000           # nft has LIST_SET_ID after it: 0800 0400 00000002
        2c00 0380
          1000 0180 0c00 0180 0800 0100 c0000200        # the start
          1800 0180 0800 0300 00000001 0c00 0180 0800 0100 c0000300  # the end, ELEM_FLAGS first: nft numbers it 0280
      44000000 0c0a 0104 03000000 00000000 01 00 0000
        0c00 0100 6e667462 67706400
        0e00 0200 626c6163 6b5f6e65 7400 0000
        1400 0380
          1000 0180 0c00 0180 0800 0100 ff000000        # to the top: no end
      4c000000 0c0a 0104 04000000 00000000 01 00 0000
        0c00 0100 6e667462 67706400
        0b00 0200 626c6163 6b3600 00                    # nft has LIST_SET_ID after it
        2000 0380
          1c00 0180 1800 0180 1400 0100 20010db8 00000000 00000000 00000001
      2c000000 0e0a 0500 05000000 00000000 01 00 0000   # DELSETELEM, REQUEST|ACK: nft has 01 00
        0c00 0100 6e667462 67706400                     # nft has the two names the other way round
        0b00 0200 626c6163 6b3600 00
      14000000 1100 0100 06000000 00000000 00 00 000a   # BATCH_END
      """)
    #expect(datagram(of: transaction.finish()) == wanted)
  }

  @Test("No message holds a longer list of elements than a 16-bit length can tell", arguments: Kind.allCases)
  func messageLimit(kind: Kind) throws {
    var transaction = Transaction(table: table)
    try transaction.add(try kind.samples(20_000), to: kind.declaration)
    let sent = datagram(of: transaction.finish())
    var reader = OctetReader(sent.span)
    var counts: [Int] = []
    while let message = try reader.nextMessage(sent.span) {
      #expect(message.payload.count < 65_536 + 64)
      guard message.type > 0x0A00 else { continue }
      var starts = 0
      try Element.forEach(in: message.payload, sent.span) { (element, _) throws(MalformedReply) in
        starts += element.isEnd ? 0 : 1
      }
      counts.append(starts)
    }
    #expect(counts.reduce(0, +) == 20_000)
    let full = [Kind.hosts: 4095, .networks: 1638, .hosts6: 2340, .networks6: 1023][kind]
    #expect(counts.count > 1 && counts.dropLast().allSatisfy { $0 == full })
  }

  // MARK: Replies

  // strace -e trace=recvmsg -e read=all nft list ruleset, with
  //   table inet nftbgpd { set black_net { type ipv4_addr; flags interval; auto-merge; size 12; counter;
  //     elements = { 192.0.2.0/24, 255.0.0.0/8 }; } }
  private static let setReply = octets(
    """
    bc000000 090a 0200 00000000 92380000 01 00 0002
    0c00 0100 6e667462 67706400  0e00 0200 626c6163 6b5f6e65 7400 0000  0c00 1000 00000000 00000001
    0800 0300 00000004  0800 0400 00000007  0800 0500 00000004  1000 0d00 000402000000 020401000000
    0c00 0900 0800 0100 0000000c  1700 1300 30786666 66666666 66663832 35303830 653000 00  0800 1400 00000002
    2c00 1100 0c00 0100 636f756e 74657200 1c00 0200 0c00 0100 00000000 00000000 0c00 0200 00000000 00000000
    """)
  private static let elementReply = octets(
    """
    e8000000 0c0a 0200 00000000 92380000 01 00 0002
    0c00 0100 6e667462 67706400  0e00 0200 626c6163 6b5f6e65 7400 0000
    b800 0300
      4800 0100 0c00 0100 0800 0100 ff000000
        2c00 0700 0c00 0100 636f756e 74657200 1c00 0200 0c00 0100 00000000 00000000 0c00 0200 00000000 00000000
        0a00 0600 010401000000 0000
      1800 0100 0c00 0100 0800 0100 c0000300 0800 0300 00000001
      3c00 0100 0c00 0100 0800 0100 c0000200
        2c00 0700 0c00 0100 636f756e 74657200 1c00 0200 0c00 0100 00000000 00000000 0c00 0200 00000000 00000000
      1800 0100 0c00 0100 0800 0100 00000000 0800 0300 00000001
    14000000 0300 0200 00000000 92380000 00000000
    """)
  // strace -e trace=recvmsg -e read=all of the test "An interval that overlaps is refused by name" (kernel 6.18)
  private static let errorReply = octets(
    """
    2c000000 0200 0003 07000000 064f0000  efffffff 5c000000 0c0a 0504 07000000 00000000  0800 0200 44000000
    """)

  @Test("A set's declaration is read from the kernel's reply")
  func setReply() throws {
    let replies = Self.read(Self.setReply)
    let declared = "set black_net { type ipv4_addr; flags interval; size 12; auto-merge; }"
    #expect(replies.declarations.map(\.description) == [declared])
    #expect(replies.declarations.first?.otherFlags == .statements)
    #expect(!replies.isMalformed)
  }

  @Test("Elements are read from the kernel's reply, and nft(8)'s end at address zero is nothing")
  func elementReply() throws {
    let replies = Self.read(Self.elementReply)
    #expect(replies.contents == SetContents(prefixes: try prefixes("192.0.2.0/24", "255.0.0.0/8")))
    #expect(!replies.isMalformed)
  }

  @Test("A dump in which an element comes twice is no dump")
  func duplicates() {
    let replies = Self.read(Self.elementReply + Self.elementReply)
    #expect(replies.contents == nil)
    #expect(!replies.isMalformed)
  }

  @Test("An error is read with the offset of what was wrong")
  func errorReply() {
    let replies = Self.read(Self.errorReply)
    #expect(replies.errors.map(\.errorNumber) == [17])
    #expect(replies.errors.first?.offset == 68)
    #expect(!replies.isMalformed)
  }

  @Test("A reply that ends anywhere, or has any octets changed, is read or refused but never trapped on")
  func damagedReplies() {
    var random = RandomSource(seed: 7)
    var malformed = 0
    for reply in [Self.setReply, Self.elementReply, Self.errorReply] {
      for length in 0..<reply.count {
        malformed += Self.read(Array(reply.prefix(length))).isMalformed ? 1 : 0
      }
      for _ in 0..<20_000 {
        var damaged = reply
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          let place = Int.random(in: 0..<damaged.count, using: &random)
          let odd: [UInt8] = [0, 1, 3, 4, 8, 0x7F, 0x80, 0xFF, .random(in: .min ... .max, using: &random)]
          damaged[place] = odd.randomElement(using: &random) ?? 0
        }
        malformed += Self.read(damaged).isMalformed ? 1 : 0
      }
    }
    #expect(malformed > 1000)
  }

  /// Everything that the connection would read from a datagram.
  private static func read(
    _ octets: [UInt8]
  ) -> (declarations: [SetDeclaration], contents: SetContents?, errors: [Acknowledgement], isMalformed: Bool) {
    var declarations: [SetDeclaration] = []
    var collection = ElementCollection<IPv4Address>()
    var errors: [Acknowledgement] = []
    var isMalformed = false
    do throws(MalformedReply) {
      let span = octets.span
      var reader = OctetReader(span)
      while let message = try reader.nextMessage(span) {
        switch try NetlinkReply(message, span) {
        case .data(let message) where message.type == 0x0A09:
          declarations.append(try DeclarationEncoding.declaration(in: message.payload, span))
        case .data(let message):
          _ = try ElementLookUp.key(in: message.payload, span)
          try collection.append(message.payload, span)
        case .acknowledgement(let acknowledgement): errors.append(acknowledgement)
        case .done: break
        }
      }
    } catch {
      isMalformed = true
    }
    let extents = collection.extents(isInterval: true)
    return (declarations, extents.map(SetContents.init(ipv4:)), errors, isMalformed)
  }
}

/// The octets of hexadecimal text with comments.
func octets(_ text: String) -> [UInt8] {
  let digits = text.split(separator: "\n").flatMap { $0.prefix { $0 != "#" }.filter(\.isHexDigit) }
  return stride(from: 0, to: digits.count - 1, by: 2).compactMap { UInt8(String(digits[$0...($0 + 1)]), radix: 16) }
}

/// What a batch sends, with the sequence number zero at its start.
func datagram(of batch: consuming Batch) -> [UInt8] {
  batch.number(from: 0)
  return batch.words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word.bigEndian >> (24 - 8 * $0)) } }
}
