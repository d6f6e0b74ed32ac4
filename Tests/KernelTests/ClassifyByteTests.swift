import Glibc
import Primitives
import Testing

@testable import Netfilter

/// The octets of chains, rules and owned tables. These need no kernel and run everywhere.
@Suite("Netlink octets of the classify chain")
struct ClassifyByteTests {
  private let table = NFTable(name: "nftbgpd")

  @Test("An owned table, the chain and its rules are the octets that nft(8) sends, without the identifiers of the sets")
  func chain() throws {
    var transaction = Transaction(table: table)
    try transaction.createOwnedTable()
    try transaction.install(
      ClassifyChain(
        name: "classify",
        entries: [
          .init(set: SetDeclaration(name: "black_net", family: .ipv4, isInterval: true), mark: 0x0100_0002),
          .init(set: SetDeclaration(name: "black6", family: .ipv6, isInterval: false), mark: 4),
        ]))
    // strace -e trace=sendmsg -e write=all nft -f FILE (nft 1.0.6), where FILE is:
    //   add table inet nftbgpd
    //   add set inet nftbgpd black_net { type ipv4_addr; flags interval; }
    //   add set inet nftbgpd black6 { type ipv6_addr; }
    //   add chain inet nftbgpd classify { type filter hook prerouting priority mangle; policy accept; }
    //   flush chain inet nftbgpd classify
    //   add rule inet nftbgpd classify ip saddr @black_net counter meta mark set meta mark or 0x01000002
    //   add rule inet nftbgpd classify ip6 saddr @black6 counter meta mark set meta mark or 0x4
    // The flags of the table are our own, nft(8) has the three last attributes of the chain in the opposite order and
    // in each look-up the identifier that the set had in the batch. The messages for the sets are left out. The mark is
    // in host order.
    let wanted = octets(
      """
      14000000 1000 0100 00000000 00000000 00 00 000a   # BATCH_BEGIN
      28000000 000a 0100 01000000 00000000 01 00 0000   # NEWTABLE, REQUEST; inet
        0c00 0100 6e667462 67706400                     # TABLE_NAME nftbgpd
        0800 0200 00000006                              # TABLE_FLAGS owner, persist: nft has none
      58000000 030a 0104 02000000 00000000 01 00 0000   # NEWCHAIN, REQUEST|CREATE
        0c00 0100 6e667462 67706400                     # CHAIN_TABLE
        0d00 0300 636c6173 73696679 00 000000           # CHAIN_NAME classify, padding
        1400 0480 0800 0100 00000000                    # CHAIN_HOOK { HOOKNUM prerouting
                  0800 0200 ffffff6a                    #   PRIORITY -150 }
        0800 0500 00000001                              # CHAIN_POLICY accept
        0b00 0700 66696c74 657200 00                    # CHAIN_TYPE filter, padding
      30000000 080a 0100 03000000 00000000 01 00 0000   # DELRULE, REQUEST
        0c00 0100 6e667462 67706400                     # RULE_TABLE
        0d00 0200 636c6173 73696679 00 000000           # RULE_CHAIN
      8c010000 060a 010c 04000000 00000000 01 00 0000   # NEWRULE, REQUEST|CREATE|APPEND
        0c00 0100 6e667462 67706400                     # RULE_TABLE
        0d00 0200 636c6173 73696679 00 000000           # RULE_CHAIN
        5c01 0480                                       # RULE_EXPRESSIONS
          2400 0180 0900 0100 6d657461 00 000000        # meta
            1400 0280 0800 0200 0000000f 0800 0100 00000001   # KEY nfproto, DREG 1
          2c00 0180 0800 0100 636d7000                  # cmp
            2000 0280 0800 0100 00000001 0800 0200 00000000   # SREG 1, OP eq
                      0c00 0380 0500 0100 02 000000     # DATA { VALUE 2 }
          3400 0180 0c00 0100 7061796c 6f616400         # payload
            2400 0280 0800 0100 00000001 0800 0200 00000001   # DREG 1, BASE network header
                      0800 0300 0000000c 0800 0400 00000004   # OFFSET 12, LEN 4
          2c00 0180 0b00 0100 6c6f6f6b 757000 00        # lookup
            1c00 0280 0800 0200 00000001                # SREG 1
                      0e00 0100 626c6163 6b5f6e65 7400 0000   # SET black_net
          1400 0180 0c00 0100 636f756e 74657200 0400 0280     # counter
          2400 0180 0900 0100 6d657461 00 000000        # meta
            1400 0280 0800 0200 00000003 0800 0100 00000001   # KEY mark, DREG 1
          4c00 0180 0c00 0100 62697477 69736500         # bitwise
            3c00 0280 0800 0100 00000001 0800 0200 00000001   # SREG 1, DREG 1
                      0800 0600 00000000 0800 0300 00000004   # OP bool, LEN 4
                      0c00 0480 0800 0100 fdfffffe      # MASK { VALUE }
                      0c00 0580 0800 0100 02000001      # XOR { VALUE }
          2400 0180 0900 0100 6d657461 00 000000        # meta
            1400 0280 0800 0200 00000003 0800 0300 00000001   # KEY mark, SREG 1
      88010000 060a 050c 05000000 00000000 01 00 0000   # NEWRULE, REQUEST|ACK|CREATE|APPEND: nft has 01 0c
        0c00 0100 6e667462 67706400
        0d00 0200 636c6173 73696679 00 000000
        5801 0480
          2400 0180 0900 0100 6d657461 00 000000
            1400 0280 0800 0200 0000000f 0800 0100 00000001
          2c00 0180 0800 0100 636d7000
            2000 0280 0800 0100 00000001 0800 0200 00000000
                      0c00 0380 0500 0100 0a 000000     # DATA { VALUE 10 }
          3400 0180 0c00 0100 7061796c 6f616400
            2400 0280 0800 0100 00000001 0800 0200 00000001
                      0800 0300 00000008 0800 0400 00000010   # OFFSET 8, LEN 16
          2800 0180 0b00 0100 6c6f6f6b 757000 00
            1800 0280 0800 0200 00000001
                      0b00 0100 626c6163 6b3600 00      # SET black6
          1400 0180 0c00 0100 636f756e 74657200 0400 0280
          2400 0180 0900 0100 6d657461 00 000000
            1400 0280 0800 0200 00000003 0800 0100 00000001
          4c00 0180 0c00 0100 62697477 69736500
            3c00 0280 0800 0100 00000001 0800 0200 00000001
                      0800 0600 00000000 0800 0300 00000004
                      0c00 0480 0800 0100 fbffffff
                      0c00 0580 0800 0100 04000000
          2400 0180 0900 0100 6d657461 00 000000
            1400 0280 0800 0200 00000003 0800 0300 00000001
      14000000 1100 0100 06000000 00000000 00 00 000a   # BATCH_END
      """)
    #expect(datagram(of: transaction.finish()) == wanted)
  }

  @Test("Names of any length make a message that fits, and a rule of more expressions than that is none")
  func bounds() throws {
    let long = String(repeating: "n", count: 70_000)
    let table = NFTable(name: long)
    let lookUp = RuleEncoding.Expression.lookUp(set: long)
    let most = [lookUp] + [RuleEncoding.Expression](repeating: .setBits(1), count: 11)
    // Headers 20, two names 264 each, the look-up with its name 292, eleven of 76, and 4 around them.
    #expect(RuleEncoding.newRule(most, chain: long, in: table)?.count == 1680)
    #expect(RuleEncoding.newRule(most + [.count], chain: long, in: table) == nil)
    #expect(RuleEncoding.newRule([lookUp, lookUp], chain: long, in: table) == nil)
  }

  @Test("What a kernel without such tables answers is told from a table that is in the way, and from an owner")
  func explanations() {
    let plain = TableDeclaration(isOwned: false, isPersistent: false)
    let owned = TableDeclaration(isOwned: true, isPersistent: true, owner: 7)
    for number in [EOPNOTSUPP, EINVAL] {
      let error = NetfilterError(.createOwnedTable(table), errorNumber: number)
      #expect(
        error.explanation(of: table, nil, to: 1)
          == "this kernel has no owned tables that persist: Linux 6.9 is the first")
      #expect(error.explanation(of: table, plain, to: 1)?.contains("'nft delete table inet nftbgpd'") == true)
      #expect(error.explanation(of: table, owned, to: 7) == nil)
    }
    let refusal = NetfilterError(.flush(set: "black", table), errorNumber: EPERM)
    #expect(refusal.explanation(of: table, owned, to: 1) == "another process owns the table: netlink port 7")
    #expect(refusal.explanation(of: table, owned, to: 7) == nil)
    #expect(refusal.explanation(of: table, plain, to: 1) == nil)
    #expect(refusal.explanation(of: table, nil, to: 1) == nil)
  }
}
