"""What the scripted peers say and hear: BGP messages of AS 65066 as octets, and a socket on which somebody counts KEEPALIVEs."""
import socket
import struct
import sys
import threading
import time

OPEN, UPDATE, NOTIFICATION, KEEPALIVE, REFRESH = 1, 2, 3, 4, 5
MARKER = b"\xff" * 16


def say(text):
    print(text, flush=True)


def message(kind, body=b""):
    return MARKER + struct.pack("!HB", 19 + len(body), kind) + body


def open_message(identifier, hold_time, asn=65066):
    """With route refresh, enhanced route refresh, four-octet AS numbers, and a restart capability that promises End-of-RIB."""
    capabilities = b"\x01\x04\x00\x01\x00\x01" + b"\x02\x00" + b"\x46\x00" + b"\x40\x02\x00\x00" + b"\x41\x04" + struct.pack("!I", asn)
    parameters = b"\x02" + bytes([len(capabilities)]) + capabilities
    return message(OPEN, struct.pack("!BHH4sB", 4, asn, hold_time, socket.inet_aton(identifier), len(parameters)) + parameters)


END_OF_RIB = message(UPDATE, b"\x00\x00\x00\x00")
REQUEST = message(REFRESH, b"\x00\x01\x00\x01")


def host(number):
    """The NLRI of host `number`: the same hosts as `Feed.hosts`."""
    value = number * 2654435761 % (1 << 24)
    return b"\x20\x0b" + value.to_bytes(3, "big")


def attributes(number):
    """Attribute set `number`, listed: its AS path and a community are its own."""
    path = b"\x02\x02" + struct.pack("!II", 65066, 100_000 + number)
    communities = struct.pack("!HHHH", 65066, 666, 65066, 1000 + number % 60_000)
    values = b"\x40\x01\x01\x00" + b"\x40\x02" + bytes([len(path)]) + path + b"\x40\x03\x04\x7f\x00\x00\x02"
    values += b"\xc0\x08" + bytes([len(communities)]) + communities
    return b"\x00\x00" + struct.pack("!H", len(values)) + values


def announcements(first, count, per_set, per_update=1):
    """UPDATEs for `count` hosts from number `first` on, `per_set` of them with each attribute set."""
    parts = []
    for start in range(first, first + count, per_set):
        shared = attributes(start // per_set)
        end = min(start + per_set, first + count)
        for at in range(start, end, per_update):
            body = shared + b"".join(host(number) for number in range(at, min(at + per_update, end)))
            parts.append(MARKER + struct.pack("!HB", 19 + len(body), UPDATE) + body)
    return b"".join(parts)


def withdrawals(first, count):
    """UPDATEs that withdraw `count` hosts, 800 each."""
    parts = []
    for start in range(first, first + count, 800):
        routes = b"".join(host(number) for number in range(start, min(start + 800, first + count)))
        parts.append(message(UPDATE, struct.pack("!H", len(routes)) + routes + b"\x00\x00"))
    return b"".join(parts)


class Hearing:
    """Frames of what arrives, and when the KEEPALIVEs among it do."""

    def __init__(self):
        self.pending = b""
        self.last = None
        self.longest = 0.0
        self.keepalives = 0

    def take(self, octets):
        """The (type, body) of each message that is complete."""
        self.pending += octets
        found = []
        while len(self.pending) >= 19:
            length, kind = struct.unpack("!HB", self.pending[16:19])
            if len(self.pending) < length:
                break
            found.append((kind, self.pending[19:length]))
            self.pending = self.pending[length:]
            if kind == KEEPALIVE:
                self.note()
        return found

    def note(self):
        now = time.monotonic()
        if self.last is not None:
            self.longest = max(self.longest, now - self.last)
        self.last = now
        self.keepalives += 1

    def report(self):
        """What the longest silence was; the one that lasts until now counts."""
        silence = time.monotonic() - self.last if self.last is not None else 0
        return f"keepalives {self.keepalives} gap {max(self.longest, silence):.3f}"


def commands():
    """The lines of standard input as they come, by a queue; None at its end."""
    import queue

    lines = queue.Queue()

    def read():
        for line in sys.stdin:
            lines.put(line.split())
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines
