#!/usr/bin/env python3
"""Records the BGP messages that a real daemon sends, one in hexadecimal on each line.

    record.py ADDRESS PORT AS [two-octet] > NAME.hex

It opens a session as AS number AS with the multiprotocol (IPv4 and IPv6 unicast), route refresh, graceful restart and, unless told
otherwise, four-octet AS capabilities, and prints what arrives within four seconds of Established.
"""
import socket
import struct
import sys
import time


def message(kind, body=b""):
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


def main():
    address, port, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    capabilities = b"\x01\x04\x00\x01\x00\x01" + b"\x01\x04\x00\x02\x00\x01" + b"\x02\x00" + b"\x40\x02\x00\x00"
    if "two-octet" not in sys.argv:
        capabilities += b"\x41\x04" + struct.pack("!I", number)
    parameters = b"\x02" + bytes([len(capabilities)]) + capabilities
    body = struct.pack("!BHH4sB", 4, number, 90, socket.inet_aton("127.0.0.1"), len(parameters)) + parameters
    connection = socket.create_connection((address, port), timeout=10)
    connection.sendall(message(1, body) + message(4))
    octets = b""
    deadline = time.monotonic() + 4
    connection.settimeout(0.5)
    while time.monotonic() < deadline:
        try:
            chunk = connection.recv(65536)
        except TimeoutError:
            continue
        if not chunk:
            break
        octets += chunk
        while len(octets) >= 19:
            length = struct.unpack("!H", octets[16:18])[0]
            if len(octets) < length:
                break
            print(octets[:length].hex(), flush=True)
            octets = octets[length:]
    connection.close()


main()
