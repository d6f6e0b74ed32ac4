"""The rows of Tests/Fixtures/wire/malformed-updates.txt, and the BGP messages that are sent with them."""
import ipaddress
import os
import socket
import struct

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TABLE = os.path.join(ROOT, "Tests/Fixtures/wire/malformed-updates.txt")
VICTIMS = {"4": "192.0.2.1/32", "6": "2001:db8::25/128"}
BARRIER = {"4": "203.0.113.1/32", "6": "2001:db8:ffff::1/128"}
EARLIER = "65066:1"  # the community of the routes before the row
PEERS = {"ebgp": (1, 65066), "ibgp": (2, 65500), "ebgp2": (3, 65066)}


def octets(text, definitions):
    found = b""
    for word in text.split():
        if word.startswith("{"):
            found += octets(definitions[word[1:-1]], definitions)
        else:
            digits, _, times = word.partition("*")
            found += bytes.fromhex(digits) * int(times or 1)
    return found


class Row:
    def __init__(self, number, columns, definitions):
        self.name, self.peer, routes, withdrawn, attributes, nlri, reactions, self.authority = columns
        network, self.asn = PEERS[self.peer]
        self.address = f"127.{network}.{number // 250}.{number % 250 + 1}"
        self.announced = {route[1] for route in routes.split() if route[0] == "+"}
        self.withdrawn = {route[1] for route in routes.split() if route[0] == "-"}
        self.reactions = reactions.split(" or ")
        if attributes.startswith("raw"):
            self.attributes = b""
            body = octets(attributes[3:], definitions)
        else:
            self.attributes = octets(attributes, definitions)
            body = update(octets(withdrawn, definitions), self.attributes, octets(nlri, definitions))
        self.message = message(2, body)

    @property
    def width(self):
        return 2 if self.peer == "ebgp2" else 4


def read_table():
    definitions, rows = {}, []
    with open(TABLE, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#"):
                continue
            columns = [column.strip() for column in line.split("|")]
            if len(columns) == 8:
                rows.append(Row(len(rows), columns, definitions))
            elif line.strip():
                name, value = line.split("=")
                definitions[name.strip()] = value.strip()
    return rows

def message(kind, body=b""):
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


def update(withdrawn, attributes, nlri):
    return struct.pack("!H", len(withdrawn)) + withdrawn + struct.pack("!H", len(attributes)) + attributes + nlri


def open_message(row):
    capabilities = b"\x01\x04\x00\x01\x00\x01" + b"\x01\x04\x00\x02\x00\x01" + b"\x02\x00" + b"\x06\x00"
    if row.width == 4:
        capabilities += b"\x41\x04" + struct.pack("!I", row.asn)
    parameters = b"\x02" + bytes([len(capabilities)]) + capabilities
    identifier = socket.inet_aton(row.address)
    return message(1, struct.pack("!BHH4sB", 4, row.asn, 180, identifier, len(parameters)) + parameters)


def good_routes(row, prefixes):
    """An UPDATE for each family."""
    path = b"\x02\x01" + struct.pack("!I" if row.width == 4 else "!H", 65066)
    common = b"\x40\x01\x01\x00" + b"\x40\x02" + bytes([len(path)]) + path
    rest = b"\xc0\x08\x04" + struct.pack("!HH", *map(int, EARLIER.split(":")))
    if row.peer == "ibgp":
        rest = b"\x40\x05\x04" + struct.pack("!I", 100) + rest
    four, six = (ipaddress.ip_network(prefixes[family]) for family in "46")
    reach = b"\x00\x02\x01\x10" + ipaddress.ip_address("2001:db8::1").packed + b"\x00"
    reach += bytes([six.prefixlen]) + six.network_address.packed
    reach = b"\x80\x0e" + bytes([len(reach)]) + reach
    next_hop = b"\x40\x03\x04" + socket.inet_aton("192.0.2.254")
    nlri = bytes([four.prefixlen]) + four.network_address.packed
    return message(2, update(b"", common + next_hop + rest, nlri)) + message(2, update(b"", reach + common + rest, b""))
