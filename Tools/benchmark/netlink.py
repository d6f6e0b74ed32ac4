"""nf_tables without a library: sets declared, elements looked up, and all of them loaded as fast as the kernel can.

linux/netfilter/nf_tables.h has the numbers.
"""
import errno
import socket
import struct
import subprocess
import time

NETLINK_NETFILTER = 12
SO_SNDBUFFORCE = 32
NLMSG_ERROR, NLMSG_DONE = 2, 3
REQUEST, ACK, CREATE = 1, 4, 0x400
BATCH_BEGIN, BATCH_END = 16, 17
NEWSETELEM, GETSETELEM, DELSETELEM = (10 << 8 | number for number in (12, 13, 14))
INET = 1
TABLE = "bench"
# The length of an attribute is a number of two octets.
MOST_HOSTS, MOST_RANGES = 4095, 1638
# The default receive buffer holds 256 answers.
MOST_LOOK_UPS = 200
TABLES = ("black", "bypass")


def declare(is_interval, sizes):
    """Creates the nft table with its sets, as an operator would have declared them."""
    text = f"table inet {TABLE} {{\n"
    for name in TABLES:
        how = "flags interval" if is_interval else f"size {sizes[name]}"
        text += f"  set {name} {{\n    type ipv4_addr\n    {how}\n  }}\n"
    subprocess.run(["nft", "-f", "-"], input=text + "}\n", text=True, check=True)


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(kind, flags, body, sequence=0, family=INET, resource=0):
    header = struct.pack("=IHHII", 20 + len(body), kind, flags | REQUEST, sequence, 0)
    return header + struct.pack("!BBH", family, 0, resource) + body


def elements(table, members):
    """The attributes of a message about elements; `members` are their own attributes, encoded."""
    nested = struct.pack("=HH", 4 + sum(map(len, members)), 3 | 0x8000) + b"".join(members)
    return attribute(1, TABLE.encode() + b"\0") + attribute(2, table.encode() + b"\0") + nested


KEY = struct.pack("=HHHHHH", 16, 1 | 0x8000, 12, 1 | 0x8000, 8, 1)
END_KEY = struct.pack("=HHHHHH", 24, 1 | 0x8000, 12, 1 | 0x8000, 8, 1)
END_FLAG = struct.pack("=HH", 8, 3) + struct.pack("!I", 1)


def host(key):
    return KEY + key


def interval(key):
    return KEY + key + END_KEY + (int.from_bytes(key, "big") + 1).to_bytes(4, "big") + END_FLAG


class Connection:
    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.socket.bind((0, 0))

    def holds(self, table, keys):
        """Whether the set has all of them."""
        for place in range(0, len(keys), MOST_LOOK_UPS):
            body = elements(table, [host(key) for key in keys[place:place + MOST_LOOK_UPS]])
            self.socket.send(message(GETSETELEM, ACK, body))
            if (problem := self.answer()) == errno.ENOENT:
                return False
            if problem:
                raise OSError(problem, f"look-up in {table}")
        return True

    def answer(self):
        """The error number that the kernel acknowledges with."""
        while True:
            data = self.socket.recv(65536)
            place = 0
            while place < len(data):
                length, kind = struct.unpack_from("=IH", data, place)
                if kind == NLMSG_ERROR:
                    return -struct.unpack_from("=i", data, place + 16)[0]
                place += length + 3 & ~3

    def transact(self, kind, members, is_interval):
        """Adds or removes the members of the tables in one transaction, encoded beforehand.

        Returns the time that the kernel took, on the processor.
        """
        limit, encode = (MOST_RANGES, interval) if is_interval else (MOST_HOSTS, host)
        batch = [message(BATCH_BEGIN, 0, b"", family=0, resource=10)]
        for table, keys in members.items():
            for place in range(0, len(keys), limit):
                body = elements(table, [encode(key) for key in keys[place:place + limit]])
                batch.append(message(kind, CREATE if kind == NEWSETELEM else 0, body))
        batch.append(message(BATCH_END, ACK, b"", family=0, resource=10))
        octets = b"".join(batch)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, len(octets) + 65536)
        start = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
        self.socket.send(octets)
        seconds = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) - start
        if problem := self.answer():
            raise OSError(problem, "transaction")
        return seconds
