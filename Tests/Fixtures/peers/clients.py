#!/usr/bin/env python3
"""Clients of the control socket that operators would not be.

    clients.py SOCKET crowd COUNT           opens so many at once, each asks, and says how many were answered, refused or left hanging
    clients.py SOCKET deaf COUNT            each asks for the routes and never reads
    clients.py SOCKET rapid COUNT           so many requests, one connection each, and as many over one
    clients.py SOCKET vanish COUNT          connects and disconnects, with nothing, half a request or an unread answer
    clients.py SOCKET octets HEX...         sends each over a connection of its own and says what comes back

The first two stay until standard input ends.
"""
import select
import socket
import struct
import sys
import time

from bgp import say

SUMMARY = bytes.fromhex("01 00000001 01")
TABLES = bytes.fromhex("01 00000001 04")
ROUTES = bytes.fromhex("01 0000000b 03") + bytes(10)
FAILURE, END = 6, 7


def connect(path, waits=True):
    """Where it does not wait, as nftbgpctl does not, there must be room in the queue of the socket."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(None if waits else 10)
    connection.connect(path)
    connection.settimeout(10)
    return connection


def answer(connection):
    """The text of the failure, "answered", or how else it ended."""
    pending = b""
    while True:
        while len(pending) >= 5:
            length, kind = struct.unpack("!IB", pending[:5])
            if len(pending) < 4 + length:
                break
            if kind == FAILURE:
                return pending[9:4 + length].decode()
            if kind == END:
                return "answered"
            pending = pending[4 + length:]
        try:
            octets = connection.recv(65536)
        except TimeoutError:
            return "no answer"
        except OSError as error:
            return f"error {error}"
        if not octets:
            return "closed"
        pending += octets


def ask(connection, request):
    try:
        connection.sendall(request)
    except OSError:
        pass  # what it says before it closes can be read
    return answer(connection)


def crowd(path, count):
    connections, found = [], {}
    for _ in range(count):
        connections.append(connect(path, waits=False))
    for connection in connections:
        text = ask(connection, SUMMARY)
        found[text] = found.get(text, 0) + 1
    for text, number in sorted(found.items()):
        say(f"{number} {text}")
    say("done")
    sys.stdin.read()


def deaf(path, count):
    connections = [connect(path) for _ in range(count)]
    for connection in connections:
        connection.sendall(ROUTES)
    say("asked")
    for connection in connections:
        select.select([connection], [], [], 60)
    say("answers begin")
    sys.stdin.read()


def rapid(path, count):
    slowest, wrong = 0.0, 0
    start = time.monotonic()
    for _ in range(count):
        before = time.monotonic()
        with connect(path) as connection:
            wrong += ask(connection, SUMMARY) != "answered"
        slowest = max(slowest, time.monotonic() - before)
    apart = time.monotonic() - start
    start = time.monotonic()
    with connect(path) as connection:
        for _ in range(count):
            wrong += ask(connection, TABLES) != "answered"
    say(f"rapid {count} wrong {wrong} apart {apart:.2f} together {time.monotonic() - start:.2f} slowest {slowest:.3f}")


def vanish(path, count):
    for number in range(count):
        connection = connect(path)
        connection.send([b"\0", ROUTES[:7], ROUTES, SUMMARY][number % 4])
        if number % 8 < 4:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    say("done")


def octets(path, *texts):
    for text in texts:
        digits, _, times = text.partition("*")
        with connect(path) as connection:
            try:
                connection.sendall(bytes.fromhex(digits) * int(times or 1))
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            say(answer(connection))
    say("done")


def main():
    path, kind, *rest = sys.argv[1:]
    if kind == "octets":
        octets(path, *rest)
    else:
        {"crowd": crowd, "deaf": deaf, "rapid": rapid, "vanish": vanish}[kind](path, int(rest[0]))


main()
