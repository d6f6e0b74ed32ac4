"""What is announced: addresses, the same in every run, and the octets that announce them.

They are kept in files, so that a sender has nothing to do but to send.
"""
import itertools
import os
import random
import socket
import struct

PEER_AS = 65066
OUR_AS = 65500
BLACK, BYPASS = f"{PEER_AS}:666", f"{PEER_AS}:42"
NETWORKS = (45 << 24, 11 << 24)  # public ones: nftbgpd keeps private addresses out of the tables
NEXT_HOP = socket.inet_aton("192.0.2.254")
MOST_IN_UPDATE = 800
ATTRIBUTE_SETS = 20
BYPASS_SETS = (9, 19)
# The community that one set of attributes has, of listed senders.
MOVING = "3000:1"
END_OF_RIB = b"\xff" * 16 + struct.pack("!HBHH", 23, 2, 0, 0)


def message(kind, body=b""):
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


def update(attributes, announced=b"", withdrawn=b""):
    body = struct.pack("!H", len(withdrawn)) + withdrawn + struct.pack("!H", len(attributes)) + attributes + announced
    return message(2, body)


def attributes(source, is_bypass, tag):
    """ORIGIN, AS_PATH, NEXT_HOP and COMMUNITIES of a route that `source` gave to the route server."""
    path = struct.pack("!BBII", 2, 2, PEER_AS, source)
    communities = struct.pack("!HHI", PEER_AS, 42 if is_bypass else 666, tag)
    return (b"\x40\x01\x01\x00" + b"\x40\x02" + bytes([len(path)]) + path + b"\x40\x03\x04" + NEXT_HOP
            + b"\xc0\x08" + bytes([len(communities)]) + communities)


def nlri(hosts):
    return b"".join([b"\x20" + host for host in hosts])


def some_hosts(count, seed=1):
    """Addresses in random order, each once, four octets each."""
    numbers = random.Random(seed).sample(range(len(NETWORKS) << 24), count)
    return [(NETWORKS[number >> 24] | number & 0xFFFFFF).to_bytes(4, "big") for number in numbers]


def parts(hosts, size):
    return [hosts[place:place + size] for place in range(0, len(hosts), size)]


class Feed:
    """`count` hosts in one of two shapes.

    packed: 800 hosts an UPDATE and 20 sets of attributes, 18 of them of listed senders and 2 of good ones.
    worst: one host an UPDATE, and other attributes for each 10 hosts.
    """

    def __init__(self, directory, count, shape="packed"):
        self.count = count
        self.shape = shape
        self.announcement = os.path.join(directory, f"{count}-{shape}.announce")
        self.withdrawal = os.path.join(directory, f"{count}.withdraw")
        self.files = {name: os.path.join(directory, f"{count}-{shape}.{name}") for name in ("black", "bypass")}

    def build(self):
        if os.path.exists(self.announcement):
            return self
        hosts = some_hosts(self.count)
        size = MOST_IN_UPDATE if self.shape == "packed" else 10
        tables = {"black": [], "bypass": []}
        with open(self.announcement, "wb") as file:
            for number, part in enumerate(parts(hosts, size)):
                is_bypass = number % ATTRIBUTE_SETS in BYPASS_SETS
                tables["bypass" if is_bypass else "black"] += part
                if self.shape == "packed":
                    kind = number % ATTRIBUTE_SETS
                    file.write(update(attributes(3000 + kind, is_bypass, 3000 + kind << 16 | 1), nlri(part)))
                else:
                    common = attributes(200000 + number, is_bypass, 1000 << 16 | number % 65536)
                    file.write(b"".join([update(common, nlri([host])) for host in part]))
            file.write(END_OF_RIB)
        with open(self.withdrawal, "wb") as file:
            for part in parts(hosts, MOST_IN_UPDATE):
                file.write(update(b"", withdrawn=nlri(part)))
        for name, members in tables.items():
            with open(self.files[name], "wb") as file:
                file.write(b"".join(members))
        return self

    def of_kind(self, kind):
        """The hosts of one set of attributes, in the packed shape."""
        hosts = parts(some_hosts(self.count), MOST_IN_UPDATE)
        return [host for part in hosts[kind::ATTRIBUTE_SETS] for host in part]

    @property
    def octets(self):
        return os.path.getsize(self.announcement)

    def members(self, table):
        """The hosts of a table, as the keys of a set."""
        with open(self.files[table], "rb") as file:
            data = file.read()
        return [data[place:place + 4] for place in range(0, len(data), 4)]


def lone_changes(count):
    """UPDATEs that announce hosts that no feed has, each with the host and the UPDATE that withdraws it."""
    known = attributes(3000, False, 3000 << 16 | 1)
    for number in itertools.islice(itertools.count(), count):
        host = (12 << 24 | number * 257 & 0xFFFFFF).to_bytes(4, "big")
        yield host, update(known, nlri([host])), update(b"", withdrawn=nlri([host]))
