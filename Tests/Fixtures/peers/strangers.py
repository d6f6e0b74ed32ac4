#!/usr/bin/env python3
"""Connections to a speaker that never become sessions.

    strangers.py TARGET COUNT none|half SOURCE...

Opens COUNT connections from each source address and sends nothing or half an OPEN. Then it says how many are still open whenever it reads
`report`, and with `again` opens as many once more.
"""
import socket
import sys

from bgp import commands, open_message, say


def main():
    target, count, sends = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    sources = sys.argv[4:]
    lines = commands()
    connections = []

    def knock():
        refused = 0
        for source in sources:
            for _ in range(count):
                connection = socket.socket()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                connection.settimeout(5)
                try:
                    connection.bind((source, 0))
                    connection.connect((target, 179))
                    if sends == "half":
                        connection.sendall(open_message(source, 90)[:23])
                    connections.append(connection)
                except OSError:
                    refused += 1
                    connection.close()
        say(f"knocked {len(connections)} refused {refused}")

    def still_open(connection):
        """What has been sent to it is read first."""
        connection.setblocking(False)
        try:
            while connection.recv(65536):
                pass
            return False
        except BlockingIOError:
            return True
        except OSError:
            return False

    knock()
    while line := lines.get():
        if line[0] == "again":
            knock()
        else:
            kept = []
            for connection in connections:
                if still_open(connection):
                    kept.append(connection)
                else:
                    connection.close()
            connections[:] = kept
            say(f"report {len(connections)}")


main()
