import BGPWire
import Primitives
import Testing

/// What must happen to an UPDATE with a malformed attribute.
enum Reaction: Equatable, Sendable {
  case accept
  case discard
  case withdraw
  case reset(UInt8, UInt8)
}

struct Malformation: Sendable, CustomTestStringConvertible {
  let name: String
  /// The attribute list.
  let attributes: String
  let reaction: Reaction
  var isInternal = false

  var testDescription: String { name }
}

private let origin = "40 01 01 00"
private let path = "40 02 06 02 01 0000fe2a"
private let nextHop = "40 03 04 7f000002"
private let mandatory = "\(origin) \(path) \(nextHop)"
private let preference = "40 05 04 00000064"

@Suite("Malformed attributes (RFC 7606)")
struct AttributeErrorTests {
  static let table: [Malformation] = [
    Malformation(name: "well-formed", attributes: mandatory, reaction: .accept),
    Malformation(
      name: "well-formed from inside", attributes: "\(mandatory) \(preference)", reaction: .accept, isInternal: true),
    // §3 c: flags
    Malformation(name: "ORIGIN optional", attributes: "c0 01 01 00 \(path) \(nextHop)", reaction: .withdraw),
    Malformation(name: "ORIGIN not transitive", attributes: "00 01 01 00 \(path) \(nextHop)", reaction: .withdraw),
    Malformation(name: "MED transitive", attributes: "\(mandatory) c0 04 04 00000001", reaction: .withdraw),
    Malformation(name: "COMMUNITIES not transitive", attributes: "\(mandatory) 80 08 04 fe2a029a", reaction: .withdraw),
    Malformation(name: "COMMUNITIES with Partial", attributes: "\(mandatory) e0 08 04 fe2a029a", reaction: .accept),
    Malformation(name: "reserved flag bits", attributes: "4f 01 01 00 \(path) \(nextHop)", reaction: .accept),
    // §3 d: missing
    Malformation(name: "no ORIGIN", attributes: "\(path) \(nextHop)", reaction: .withdraw),
    Malformation(name: "no AS_PATH", attributes: "\(origin) \(nextHop)", reaction: .withdraw),
    Malformation(name: "no NEXT_HOP", attributes: "\(origin) \(path)", reaction: .withdraw),
    Malformation(name: "no attributes at all", attributes: "", reaction: .withdraw),
    Malformation(name: "no LOCAL_PREF from inside", attributes: mandatory, reaction: .withdraw, isInternal: true),
    // §3 g: duplicates
    Malformation(
      name: "COMMUNITIES twice", attributes: "\(mandatory) c0 08 04 fe2a029a c0 08 04 fe2a002a", reaction: .discard),
    Malformation(name: "ORIGIN twice", attributes: "\(mandatory) \(origin)", reaction: .discard),
    Malformation(
      name: "MP_REACH_NLRI twice",
      attributes: "\(mandatory) 80 0e 09 000101 04 7f000002 00 80 0e 09 000101 04 7f000002 00", reaction: .reset(3, 1)),
    Malformation(
      name: "MP_UNREACH_NLRI twice", attributes: "\(mandatory) 80 0f 03 000201 80 0f 03 000201", reaction: .reset(3, 1)),
    // §4: lengths
    Malformation(
      name: "attribute longer than the list", attributes: "\(mandatory) c0 08 08 fe2a029a", reaction: .withdraw),
    Malformation(
      name: "MP_UNREACH_NLRI longer than the list", attributes: "\(mandatory) 80 0f 20 000201", reaction: .reset(3, 1)),
    Malformation(
      name: "MP_REACH_NLRI longer than the list", attributes: "\(mandatory) 80 0e 20 000201", reaction: .reset(3, 1)),
    Malformation(name: "list ends after the flags", attributes: "\(mandatory) c0", reaction: .withdraw),
    Malformation(name: "list ends after the code", attributes: "\(mandatory) c0 08", reaction: .withdraw),
    Malformation(name: "list ends inside an extended length", attributes: "\(mandatory) d0 08 00", reaction: .withdraw),
    Malformation(
      name: "extended length of a short attribute", attributes: "50 01 0001 00 \(path) \(nextHop)", reaction: .accept),
    // §7.1 to §7.3
    Malformation(name: "ORIGIN of 2 octets", attributes: "40 01 02 0000 \(path) \(nextHop)", reaction: .withdraw),
    Malformation(name: "ORIGIN of 0 octets", attributes: "40 01 00 \(path) \(nextHop)", reaction: .withdraw),
    Malformation(name: "ORIGIN 3", attributes: "40 01 01 03 \(path) \(nextHop)", reaction: .withdraw),
    Malformation(
      name: "AS_PATH segment of type 5", attributes: "\(origin) 40 02 06 05 01 0000fe2a \(nextHop)", reaction: .withdraw
    ),
    Malformation(
      name: "AS_PATH segment of type 0", attributes: "\(origin) 40 02 06 00 01 0000fe2a \(nextHop)", reaction: .withdraw
    ),
    Malformation(
      name: "AS_PATH segment overruns", attributes: "\(origin) 40 02 06 02 02 0000fe2a \(nextHop)", reaction: .withdraw),
    Malformation(
      name: "AS_PATH segment underruns", attributes: "\(origin) 40 02 07 02 01 0000fe2a 02 \(nextHop)",
      reaction: .withdraw),
    Malformation(
      name: "AS_PATH segment without numbers", attributes: "\(origin) 40 02 02 02 00 \(nextHop)", reaction: .withdraw),
    Malformation(
      name: "AS_PATH with AS 0 (RFC 7607)", attributes: "\(origin) 40 02 06 02 01 00000000 \(nextHop)",
      reaction: .withdraw),
    Malformation(
      name: "AS_PATH with a confederation from outside", attributes: "\(origin) 40 02 06 03 01 0000fe2a \(nextHop)",
      reaction: .withdraw),
    Malformation(
      name: "AS_PATH with a confederation from inside",
      attributes: "\(origin) 40 02 06 03 01 0000fe2a \(nextHop) \(preference)",
      reaction: .accept, isInternal: true),
    Malformation(name: "AS_PATH empty", attributes: "\(origin) 40 02 00 \(nextHop)", reaction: .accept),
    Malformation(name: "NEXT_HOP of 3 octets", attributes: "\(origin) \(path) 40 03 03 7f0000", reaction: .withdraw),
    Malformation(
      name: "NEXT_HOP 0.0.0.0 is never used", attributes: "\(origin) \(path) 40 03 04 00000000", reaction: .accept),
    // §7.4 to §7.7
    Malformation(name: "MED of 3 octets", attributes: "\(mandatory) 80 04 03 000001", reaction: .withdraw),
    Malformation(name: "LOCAL_PREF from outside", attributes: "\(mandatory) 40 05 04 00000064", reaction: .discard),
    Malformation(
      name: "LOCAL_PREF of 3 octets from outside", attributes: "\(mandatory) 40 05 03 000064", reaction: .discard),
    Malformation(
      name: "LOCAL_PREF of 3 octets from inside", attributes: "\(mandatory) 40 05 03 000064", reaction: .withdraw,
      isInternal: true),
    Malformation(name: "ATOMIC_AGGREGATE of 1 octet", attributes: "\(mandatory) 40 06 01 00", reaction: .discard),
    Malformation(name: "ATOMIC_AGGREGATE", attributes: "\(mandatory) 40 06 00", reaction: .accept),
    Malformation(
      name: "AGGREGATOR of 6 octets with four-octet AS", attributes: "\(mandatory) c0 07 06 fe2a7f000001",
      reaction: .discard),
    Malformation(
      name: "AGGREGATOR with AS 0 (RFC 7607)", attributes: "\(mandatory) c0 07 08 000000007f000001", reaction: .discard),
    // §7.8 to §7.10
    Malformation(name: "COMMUNITIES of 3 octets", attributes: "\(mandatory) c0 08 03 fe2a02", reaction: .withdraw),
    Malformation(name: "COMMUNITIES of 0 octets", attributes: "\(mandatory) c0 08 00", reaction: .withdraw),
    Malformation(name: "ORIGINATOR_ID from outside", attributes: "\(mandatory) 80 09 04 7f000001", reaction: .discard),
    Malformation(
      name: "ORIGINATOR_ID of 3 octets from outside", attributes: "\(mandatory) 80 09 03 7f0000", reaction: .discard),
    Malformation(
      name: "ORIGINATOR_ID of 3 octets from inside", attributes: "\(mandatory) \(preference) 80 09 03 7f0000",
      reaction: .withdraw, isInternal: true),
    Malformation(name: "CLUSTER_LIST from outside", attributes: "\(mandatory) 80 0a 04 7f000001", reaction: .discard),
    Malformation(
      name: "CLUSTER_LIST of 0 octets from inside", attributes: "\(mandatory) \(preference) 80 0a 00",
      reaction: .withdraw, isInternal: true),
    Malformation(
      name: "CLUSTER_LIST of 5 octets from inside", attributes: "\(mandatory) \(preference) 80 0a 05 7f00000100",
      reaction: .withdraw, isInternal: true),
    // §7.11 and §5: MP attributes
    Malformation(name: "MP_REACH_NLRI of 2 octets", attributes: "\(mandatory) 80 0e 02 0002", reaction: .reset(3, 9)),
    Malformation(
      name: "MP_REACH_NLRI with a next hop of 5 octets", attributes: "\(mandatory) 80 0e 0a 00020105 0102030405 00",
      reaction: .reset(3, 9)),
    Malformation(
      name: "MP_REACH_NLRI with a next hop that overruns", attributes: "\(mandatory) 80 0e 06 00020110 0102",
      reaction: .reset(3, 9)),
    Malformation(
      name: "MP_REACH_NLRI with a prefix of 129 bits",
      attributes: "\(mandatory) 80 0e 16 00020110 00000000000000000000000000000001 00 81", reaction: .reset(3, 9)),
    Malformation(
      name: "MP_REACH_NLRI with a prefix that overruns",
      attributes: "\(mandatory) 80 0e 17 00020110 00000000000000000000000000000001 00 2020", reaction: .reset(3, 9)),
    Malformation(
      name: "MP_REACH_NLRI of a family without sets", attributes: "\(mandatory) 80 0e 05 4004470000", reaction: .accept),
    Malformation(name: "MP_UNREACH_NLRI of 2 octets", attributes: "\(mandatory) 80 0f 02 0002", reaction: .reset(3, 9)),
    Malformation(
      name: "MP_UNREACH_NLRI with a prefix of 255 bits", attributes: "\(mandatory) 80 0f 04 000201ff",
      reaction: .reset(3, 9)),
    // §7.14, RFC 8092 §5, RFC 9234 §5, RFC 6793 §6
    Malformation(
      name: "EXTENDED COMMUNITIES of 7 octets", attributes: "\(mandatory) c0 10 07 00020000000000", reaction: .withdraw),
    Malformation(name: "EXTENDED COMMUNITIES of 0 octets", attributes: "\(mandatory) c0 10 00", reaction: .withdraw),
    Malformation(
      name: "LARGE_COMMUNITY of 11 octets", attributes: "\(mandatory) c0 20 0b 0000fe2a0000029a000000",
      reaction: .withdraw),
    Malformation(name: "LARGE_COMMUNITY of 0 octets", attributes: "\(mandatory) c0 20 00", reaction: .withdraw),
    Malformation(name: "OTC of 3 octets", attributes: "\(mandatory) c0 23 03 00fe2a", reaction: .withdraw),
    Malformation(
      name: "AS4_PATH from a four-octet peer", attributes: "\(mandatory) c0 11 06 02010000fe2a", reaction: .discard),
    Malformation(
      name: "AS4_AGGREGATOR from a four-octet peer", attributes: "\(mandatory) c0 12 08 0000fe2a7f000001",
      reaction: .discard),
    // Unknown ones
    Malformation(name: "unknown optional transitive", attributes: "\(mandatory) c0 fe 03 010203", reaction: .accept),
    Malformation(name: "unknown optional of 0 octets", attributes: "\(mandatory) 80 fe 00", reaction: .accept),
    Malformation(name: "unknown well-known", attributes: "\(mandatory) 40 fe 01 00", reaction: .withdraw),
    Malformation(name: "attribute 0", attributes: "\(mandatory) 00 00 00", reaction: .withdraw),
  ]

  @Test("Each malformation has the reaction that its section asks for", arguments: table)
  func reaction(row: Malformation) throws {
    let octets = Wire.update(attributes: Wire.hex(row.attributes), nlri: Wire.hex("20 c0000201"))
    let context = row.isInternal ? Wire.internalPeer : Wire.external
    #expect(Self.react(octets, context) == row.reaction)
    if row.reaction == .withdraw {
      // The routes are still named: they are what is withdrawn.
      #expect(try Wire.update(octets, context).announced.all.map(\.description) == ["192.0.2.1/32"])
    }
  }

  static func react(_ octets: [UInt8], _ context: DecodeContext) -> Reaction {
    do {
      let update = try Wire.update(octets, context)
      if update.isTreatedAsWithdraw { return .withdraw }
      return update.faults.isEmpty ? .accept : .discard
    } catch let error as NotificationMessage {
      return .reset(error.code, error.subcode)
    } catch {
      return .reset(0, 0)
    }
  }

  @Test(
    "Route fields that cannot be read reset the session (RFC 7606 §3 j, §5.3)",
    arguments: [
      (
        "NLRI of 33 bits", Wire.update(attributes: Wire.hex(mandatory), nlri: Wire.hex("21 c000020100")),
        Reaction.reset(3, 10)
      ),
      ("NLRI that overruns", Wire.update(attributes: Wire.hex(mandatory), nlri: Wire.hex("20 c00002")), .reset(3, 10)),
      ("NLRI of 255 bits", Wire.update(attributes: Wire.hex(mandatory), nlri: Wire.hex("ff")), .reset(3, 10)),
      ("withdrawn route of 33 bits", Wire.update(withdrawn: Wire.hex("21 c000020100"), attributes: []), .reset(3, 10)),
      ("withdrawn length too long", Wire.message(2, Wire.hex("00ff 0000")), .reset(3, 1)),
      ("attribute length too long", Wire.message(2, Wire.hex("0000 0005 40")), .reset(3, 1)),
    ] as [(String, [UInt8], Reaction)])
  func lostFraming(name: String, octets: [UInt8], reaction: Reaction) {
    #expect(Self.react(octets, Wire.external) == reaction)
  }

  @Test("The data of an MP error is the attribute (RFC 4271 §6.3)")
  func errorData() {
    let attribute = Wire.hex("80 0f 04 000201ff")
    let octets = Wire.update(attributes: attribute)
    #expect(throws: NotificationMessage(3, 9, data: attribute)) { try Wire.update(octets) }
  }
}
