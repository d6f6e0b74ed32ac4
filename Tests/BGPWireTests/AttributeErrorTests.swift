import BGPWire
import Primitives
import Testing

/// What the reaction is, row by row, is in Tests/Fixtures/wire/malformed-updates.txt, which the tests of the session go through.
@Suite("Malformed attributes (RFC 7606)")
struct AttributeErrorTests {
  @Test(
    "The data of a NOTIFICATION is the attribute, where the subcode is of one (RFC 4271 §6.3, RFC 4760 §7)",
    arguments: [
      (before: "", attribute: "80 0f 04 000201ff", subcode: 9),
      (before: "40 01 01 00", attribute: "80 0e 02 0002", subcode: 9),
      (before: "40 01 01 00", attribute: "90 0f 0003 000201 80 0f 03 000201", subcode: 1),
      (before: "40 01 01 00", attribute: "40 fe 03 010203", subcode: 2),
      (before: "40 02 00", attribute: "c0 01 01 00", subcode: 4),
      (before: "40 02 00", attribute: "50 01 0002 0000", subcode: 5),
      (before: "40 02 00", attribute: "40 01 01 09", subcode: 6),
      (before: "40 01 01 00", attribute: "40 02 01 02", subcode: 11),
      (before: "40 01 01 00", attribute: "c0 08 04 0000", subcode: 1),
    ] as [(before: String, attribute: String, subcode: UInt8)])
  func errorData(before: String, attribute: String, subcode: UInt8) {
    // Neither the list itself nor the path is an attribute to send back.
    let data = subcode == 1 || subcode == 11 ? [] : Wire.hex(attribute)
    let octets = Wire.update(attributes: Wire.hex(before) + Wire.hex(attribute))
    #expect(throws: NotificationMessage(3, subcode, data: data)) { try Wire.update(octets) }
  }

  @Test("Of an attribute that comes twice the first one stands (RFC 7606 §3 g)")
  func twice() throws {
    let attributes = Wire.hex(
      "40 01 01 00 40 02 00 40 03 04 7f000002 80 04 04 00000007 c0 08 04 fe2a029a"
        + "40 01 01 02 80 04 04 00000008 c0 08 03 fe2a02")
    let update = try Wire.update(Wire.update(attributes: attributes, nlri: [32, 192, 0, 2, 1]))
    #expect(update.attributes.origin == .igp)
    #expect(update.attributes.multiExitDiscriminator == 7)
    #expect(update.attributes.communities == [Community(65066, 666)])
    #expect(!update.isTreatedAsWithdraw)
    #expect(update.faults.map(\.attribute) == [1, 4, 8])
  }

  @Test("A community that is given twice is one (RFC 8092 §3)")
  func duplicateCommunities() throws {
    let attributes = Wire.hex(
      "40 01 01 00 40 02 00 40 03 04 7f000002 c0 08 0c 00000009 fe2a029a 00000009"
        + "c0 10 10 0002fe2a00000005 0002fe2a00000005"
        + "c0 20 24 0000fe2a0000029a00000001 000000010000000200000003 0000fe2a0000029a00000001")
    let update = try Wire.update(Wire.update(attributes: attributes, nlri: [32, 192, 0, 2, 1]))
    #expect(update.attributes.communities == [Community(9), Community(65066, 666)])
    #expect(update.attributes.extendedCommunities == [ExtendedCommunity(0x0002_FE2A_0000_0005)])
    #expect(update.attributes.largeCommunities == [LargeCommunity(1, 2, 3), LargeCommunity(65066, 666, 1)])
    #expect(update.faults.isEmpty)
  }

  @Test("Of several faults each is told, and the first that costs the session decides what is sent")
  func several() throws {
    let attributes = Wire.hex("40 01 01 03 40 02 00 c0 08 03 fe2a02 40 06 01 00")
    let update = try Wire.update(Wire.update(attributes: attributes, nlri: [32, 192, 0, 2, 1]))
    #expect(
      update.faults == [
        AttributeFault(attribute: 1, reason: .value, verdict: .treatAsWithdraw),
        AttributeFault(attribute: 8, reason: .length, verdict: .treatAsWithdraw),
        AttributeFault(attribute: 6, reason: .length, verdict: .discard),
        AttributeFault(attribute: 3, reason: .missing, verdict: .treatAsWithdraw),
      ])
    #expect(throws: NotificationMessage(3, 6, data: Wire.hex("40 01 01 03"))) {
      try Wire.update(Wire.update(attributes: attributes))
    }
  }
}
