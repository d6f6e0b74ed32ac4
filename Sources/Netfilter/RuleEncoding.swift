import CNetfilter

/// Chains and rules as nft(8) sends them, built by libnftnl so that nft(8) shows them as it would its own.
enum RuleEncoding {
  /// One expression of a rule. All of them work on the kernel's register 1.
  enum Expression: Hashable {
    /// `[ meta load KEY => reg 1 ]`
    case loadMeta(nft_meta_keys)
    /// `[ cmp eq reg 1 OCTET ]`
    case compare(UInt8)
    /// `[ payload load LENGTHb @ network header + OFFSET => reg 1 ]`
    case loadNetworkHeader(offset: UInt32, length: UInt32)
    /// `[ lookup reg 1 set NAME ]`
    case lookUp(set: String)
    /// `[ counter pkts 0 bytes 0 ]`
    case count
    /// `[ bitwise reg 1 = ( reg 1 & ~BITS ) ^ BITS ]`
    case setBits(UInt32)
    /// `[ meta set KEY with reg 1 ]`
    case storeMeta(nft_meta_keys)
  }

  /// The NEWCHAIN message of a base chain with `type filter hook prerouting priority mangle; policy accept;`. Sequence
  /// number zero.
  ///
  /// - Returns: `nil` when there is no memory for it.
  static func newChain(_ name: String, in table: NFTable) -> [UInt8]? {
    // Safety: libnftnl copies what it is given, the chain is freed on every way out, and names of at most 256 octets
    // make a message far below the scratch space of `buildMessage`.
    unsafe DeclarationEncoding.buildMessage(NFT_MSG_NEWCHAIN, flags: NLM_F_CREATE, family: table.family) { message in
      guard let built = unsafe nftnl_chain_alloc() else { return false }
      defer { unsafe nftnl_chain_free(built) }
      guard
        unsafe nftnl_chain_set_str(
          built, UInt16(NFTNL_CHAIN_TABLE.rawValue), DeclarationEncoding.cut(table.name)) == 0,
        unsafe nftnl_chain_set_str(built, UInt16(NFTNL_CHAIN_NAME.rawValue), DeclarationEncoding.cut(name)) == 0,
        unsafe nftnl_chain_set_str(built, UInt16(NFTNL_CHAIN_TYPE.rawValue), "filter") == 0
      else { return false }
      unsafe nftnl_chain_set_u32(built, UInt16(NFTNL_CHAIN_HOOKNUM.rawValue), NF_INET_PRE_ROUTING.rawValue)
      unsafe nftnl_chain_set_s32(built, UInt16(NFTNL_CHAIN_PRIO.rawValue), ClassifyChain.priority)
      unsafe nftnl_chain_set_u32(built, UInt16(NFTNL_CHAIN_POLICY.rawValue), UInt32(NF_ACCEPT))
      unsafe nftnl_chain_nlmsg_build_payload(message, built)
      return true
    }
  }

  /// The DELRULE message that removes all rules of a chain. Sequence number zero.
  ///
  /// - Returns: `nil` when there is no memory for it.
  static func flush(chain: String, in table: NFTable) -> [UInt8]? {
    buildRule(NFT_MSG_DELRULE, flags: 0, chain: chain, in: table, [])
  }

  /// The NEWRULE message of a rule at the end of a chain. Sequence number zero.
  ///
  /// - Parameter expressions: at most twelve, and at most one of them a look-up.
  /// - Returns: `nil` when there is no memory for it, or when there are more.
  static func newRule(_ expressions: [Expression], chain: String, in table: NFTable) -> [UInt8]? {
    // An expression takes at most 76 octets, a look-up 292, and what is around them 552: all fits into the scratch
    // space.
    guard expressions.count <= 12, expressions.count(where: \.isLookUp) <= 1 else { return nil }
    return buildRule(NFT_MSG_NEWRULE, flags: NLM_F_CREATE | NLM_F_APPEND, chain: chain, in: table, expressions)
  }

  private static func buildRule(
    _ type: nf_tables_msg_types, flags: Int32, chain: String, in table: NFTable, _ expressions: [Expression]
  ) -> [UInt8]? {
    // Safety: as with `newChain`; the rule frees its expressions, of which there are few enough for the scratch space.
    unsafe DeclarationEncoding.buildMessage(type, flags: flags, family: table.family) { message in
      guard let built = unsafe nftnl_rule_alloc() else { return false }
      defer { unsafe nftnl_rule_free(built) }
      guard
        unsafe nftnl_rule_set_str(
          built, UInt16(NFTNL_RULE_TABLE.rawValue), DeclarationEncoding.cut(table.name)) == 0,
        unsafe nftnl_rule_set_str(built, UInt16(NFTNL_RULE_CHAIN.rawValue), DeclarationEncoding.cut(chain)) == 0
      else { return false }
      for expression in expressions {
        guard let part = unsafe expression.allocate() else { return false }
        unsafe nftnl_rule_add_expr(built, part)
      }
      unsafe nftnl_rule_nlmsg_build_payload(message, built)
      return true
    }
  }
}

extension RuleEncoding.Expression {
  fileprivate var isLookUp: Bool {
    if case .lookUp = self { true } else { false }
  }

  private var name: String {
    switch self {
    case .loadMeta, .storeMeta: "meta"
    case .compare: "cmp"
    case .loadNetworkHeader: "payload"
    case .lookUp: "lookup"
    case .count: "counter"
    case .setBits: "bitwise"
    }
  }

  /// The expression as libnftnl has it, for the caller to free or to give to a rule.
  ///
  /// - Returns: `nil` when there is no memory for it.
  fileprivate func allocate() -> OpaquePointer? {
    let register = NFT_REG_1.rawValue
    // Safety: libnftnl copies what it is given, and looks at an attribute by the type that the name of the expression
    // gives to it.
    guard let built = unsafe nftnl_expr_alloc(name) else { return nil }
    func set(_ attribute: Int, _ value: UInt32) {
      // Safety: as above.
      unsafe nftnl_expr_set_u32(built, UInt16(attribute), value)
    }
    /// Octets as they stand in the register: numbers in host order.
    func set(_ attribute: Int, octetsOf value: some BitwiseCopyable) -> Bool {
      // Safety: the pointer and the length describe the value, which lives through the call.
      unsafe withUnsafeBytes(of: value) {
        unsafe nftnl_expr_set(built, UInt16(attribute), $0.baseAddress, UInt32($0.count)) == 0
      }
    }
    var isComplete = true
    switch self {
    case .loadMeta(let key):
      set(NFTNL_EXPR_META_KEY, key.rawValue)
      set(NFTNL_EXPR_META_DREG, register)
    case .compare(let octet):
      set(NFTNL_EXPR_CMP_SREG, register)
      set(NFTNL_EXPR_CMP_OP, NFT_CMP_EQ.rawValue)
      isComplete = set(NFTNL_EXPR_CMP_DATA, octetsOf: octet)
    case .loadNetworkHeader(let offset, let length):
      set(NFTNL_EXPR_PAYLOAD_DREG, register)
      set(NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER.rawValue)
      set(NFTNL_EXPR_PAYLOAD_OFFSET, offset)
      set(NFTNL_EXPR_PAYLOAD_LEN, length)
    case .lookUp(let name):
      set(NFTNL_EXPR_LOOKUP_SREG, register)
      // Safety: as above.
      isComplete = unsafe nftnl_expr_set_str(built, UInt16(NFTNL_EXPR_LOOKUP_SET), DeclarationEncoding.cut(name)) == 0
    case .count: break
    case .setBits(let bits):
      set(NFTNL_EXPR_BITWISE_SREG, register)
      set(NFTNL_EXPR_BITWISE_DREG, register)
      // NFT_BITWISE_BOOL, which newer headers call NFT_BITWISE_MASK_XOR.
      set(NFTNL_EXPR_BITWISE_OP, 0)
      set(NFTNL_EXPR_BITWISE_LEN, UInt32(MemoryLayout.size(ofValue: bits)))
      isComplete = set(NFTNL_EXPR_BITWISE_MASK, octetsOf: ~bits) && set(NFTNL_EXPR_BITWISE_XOR, octetsOf: bits)
    case .storeMeta(let key):
      set(NFTNL_EXPR_META_KEY, key.rawValue)
      set(NFTNL_EXPR_META_SREG, register)
    }
    guard isComplete else {
      // Safety: nobody else has the expression yet.
      unsafe nftnl_expr_free(built)
      return nil
    }
    return unsafe built
  }
}
