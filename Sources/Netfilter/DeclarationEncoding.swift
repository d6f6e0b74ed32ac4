import CNetfilter
import Primitives

/// Declarations as nft(8) sends them and as the kernel answers them.
///
/// They are built by libnftnl, so that a set of ours is for nft(8) one of its own, and read by our own bounds-checked reader, because
/// libnftnl refuses a whole set when it carries a statement that the library is too old to know.
enum DeclarationEncoding {
  /// nft(8)'s number for the type of the key; the kernel stores it and does not look at it.
  static func keyType(_ family: AddressFamily) -> UInt32 {
    switch family {
    case .ipv4: 7
    case .ipv6: 8
    }
  }

  /// Octets of a key.
  static func keyLength(_ family: AddressFamily) -> UInt32 {
    UInt32(family.bits) / 8
  }

  /// The NEWSET message of a declaration. Sequence number zero; `identifier` is unique within the transaction.
  ///
  /// - Returns: `nil` when there is no memory for it.
  static func newSet(_ set: SetDeclaration, family: AddressFamily, in table: NFTable, identifier: UInt32) -> [UInt8]? {
    // Safety: libnftnl copies what it is given, the set is freed on every way out, and names of at most 256 octets make a message
    // far below the scratch space of `buildMessage`.
    unsafe buildMessage(NFT_MSG_NEWSET, flags: NLM_F_CREATE, family: table.family) { message in
      guard let built = unsafe nftnl_set_alloc() else { return false }
      defer { unsafe nftnl_set_free(built) }
      guard unsafe nftnl_set_set_str(built, UInt16(NFTNL_SET_TABLE.rawValue), cut(table.name)) == 0,
        unsafe nftnl_set_set_str(built, UInt16(NFTNL_SET_NAME.rawValue), cut(set.name)) == 0
      else { return false }
      unsafe nftnl_set_set_u32(built, UInt16(NFTNL_SET_FLAGS.rawValue), set.flags.rawValue)
      unsafe nftnl_set_set_u32(built, UInt16(NFTNL_SET_KEY_TYPE.rawValue), keyType(family))
      unsafe nftnl_set_set_u32(built, UInt16(NFTNL_SET_KEY_LEN.rawValue), keyLength(family))
      unsafe nftnl_set_set_u32(built, UInt16(NFTNL_SET_ID.rawValue), identifier)
      if let size = set.size {
        unsafe nftnl_set_set_u32(built, UInt16(NFTNL_SET_DESC_SIZE.rawValue), size)
      }
      // nft(8) reads from this in which byte order to show the keys: 2 is BYTEORDER_BIG_ENDIAN of its datatype.h.
      guard let data = unsafe nftnl_udata_buf_alloc(64) else { return false }
      defer { unsafe nftnl_udata_buf_free(data) }
      guard unsafe nftnl_udata_put_u32(data, UInt8(NFTNL_UDATA_SET_KEYBYTEORDER.rawValue), 2),
        unsafe nftnl_set_set_data(
          built, UInt16(NFTNL_SET_USERDATA.rawValue), nftnl_udata_buf_data(data), nftnl_udata_buf_len(data)) == 0
      else { return false }
      unsafe nftnl_set_nlmsg_build_payload(message, built)
      return true
    }
  }

  /// The NEWTABLE message of a table. Sequence number zero.
  ///
  /// - Parameter flags: nil: those of a table that exists stay as they are.
  /// - Returns: `nil` when there is no memory for it.
  static func newTable(_ table: NFTable, flags: UInt32? = 0) -> [UInt8]? {
    // Safety: as with `newSet`.
    unsafe buildMessage(NFT_MSG_NEWTABLE, flags: 0, family: table.family) { message in
      guard let built = unsafe nftnl_table_alloc() else { return false }
      defer { unsafe nftnl_table_free(built) }
      guard unsafe nftnl_table_set_str(built, UInt16(NFTNL_TABLE_NAME.rawValue), cut(table.name)) == 0
      else { return false }
      if let flags { unsafe nftnl_table_set_u32(built, UInt16(NFTNL_TABLE_FLAGS.rawValue), flags) }
      unsafe nftnl_table_nlmsg_build_payload(message, built)
      return true
    }
  }

  /// Lets libnftnl build one message in 2,048 octets of scratch space and answers a copy of it.
  static func buildMessage(
    _ type: nf_tables_msg_types, flags: Int32, family: NFTable.Family,
    _ fill: (UnsafeMutablePointer<nlmsghdr>) -> Bool
  ) -> [UInt8]? {
    // Safety: the scratch space is aligned for an nlmsghdr, outlives the call, and is larger than three names of 257 octets
    // and all other attributes of a declaration or a rule together; the length is bounded before it is read.
    unsafe withUnsafeTemporaryAllocation(byteCount: 2048, alignment: 8) { scratch in
      // libmnl leaves the padding between attributes as it was.
      unsafe scratch.initializeMemory(as: UInt8.self, repeating: 0)
      guard let start = scratch.baseAddress,
        let message = unsafe nftnl_nlmsg_build_hdr(
          start.assumingMemoryBound(to: CChar.self), UInt16(type.rawValue), UInt16(family.rawValue),
          UInt16(flags), 0),
        unsafe fill(message)
      else { return nil }
      return unsafe Array(scratch.prefix(Int(message.pointee.nlmsg_len)))
    }
  }

  /// A name cut at a length that the kernel refuses, so that it cannot become another name.
  static func cut(_ name: String) -> String {
    String(decoding: name.utf8.prefix(Int(NFT_NAME_MAXLEN)), as: UTF8.self)
  }

  /// The declaration in the payload of a NEWSET message.
  static func declaration(
    in payload: OctetReader, _ octets: Span<UInt8>
  ) throws(MalformedReply) -> SetDeclaration {
    var reader = payload
    try reader.skipFamilyHeader()
    var name: String?
    var flags: SetDeclaration.Flags = []
    var type: UInt32 = 0
    var length: UInt32 = 0
    var size: UInt32?
    var timeout: UInt64?
    var isAutoMerge = false
    while let attribute = try reader.nextAttribute(octets) {
      switch attribute.type {
      case NFTA_SET_NAME.rawValue: name = try attribute.text(octets)
      case NFTA_SET_FLAGS.rawValue: flags.formUnion(.init(rawValue: try attribute.number(octets)))
      case NFTA_SET_KEY_TYPE.rawValue: type = try attribute.number(octets)
      case NFTA_SET_KEY_LEN.rawValue: length = try attribute.number(octets)
      case NFTA_SET_DESC.rawValue: size = try self.size(in: attribute.payload, octets)
      case NFTA_SET_TIMEOUT.rawValue: timeout = try attribute.longNumber(octets)
      case NFTA_SET_EXPR.rawValue, NFTA_SET_EXPRESSIONS.rawValue: flags.insert(.statements)
      case NFTA_SET_USERDATA.rawValue: isAutoMerge = mergesElements(attribute.payload, octets)
      default: continue
      }
    }
    guard let name else { throw MalformedReply() }
    let key: SetDeclaration.Key =
      switch AddressFamily.allCases.first(where: { keyType($0) == type && keyLength($0) == length }) {
      case .some(let family): .address(family)
      case .none: .other(type: type, length: length)
      }
    return SetDeclaration(name: name, key: key, flags: flags, size: size, timeout: timeout, isAutoMerge: isAutoMerge)
  }

  private static func size(in description: OctetReader, _ octets: Span<UInt8>) throws(MalformedReply) -> UInt32? {
    var reader = description
    while let attribute = try reader.nextAttribute(octets) {
      if attribute.type == NFTA_SET_DESC_SIZE.rawValue {
        return try attribute.number(octets)
      }
    }
    return nil
  }

  /// Whether nft(8) noted `auto-merge` in the user data: records of a type, a length and a value in host order.
  ///
  /// The kernel does not look at user data, so what does not parse is another program's and no error.
  private static func mergesElements(_ userData: OctetReader, _ octets: Span<UInt8>) -> Bool {
    var reader = userData
    while let type = reader.readUInt8(octets), let length = reader.readUInt8(octets),
      var value = reader.take(Int(length))
    {
      if type == UInt8(NFTNL_UDATA_SET_MERGE_ELEMENTS.rawValue), let number = value.readUInt32(octets) {
        return number != 0
      }
    }
    return false
  }
}
