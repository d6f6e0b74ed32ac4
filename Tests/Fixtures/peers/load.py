#!/usr/bin/env python3
"""A peer that has a big table ready as octets and sends it as fast as it is read, on one session after the other.

    load.py [--octets] [--deaf] ADDRESS HOLD-TIME ROUTES ROUTES-PER-SET [PER-UPDATE]

It announces the table, then End-of-RIB. On standard input it takes `announce`, `withdraw`, `shift` (every route moves to another
attribute set), `ask` (a flood of requests for a refresh) and `report`. With --octets each segment has one octet; with --deaf nothing is
read once the session is up.
"""
import argparse
import queue
import select
import socket
import threading
import time

from bgp import (
    END_OF_RIB, KEEPALIVE, NOTIFICATION, OPEN, REQUEST, Hearing, announcements, commands, message, open_message, say, withdrawals,
)


class Load:
    def __init__(self, arguments, connection):
        self.arguments = arguments
        self.connection = connection
        self.hearing = Hearing()
        self.is_over = False
        self.spoken = time.monotonic()

    def establish(self):
        self.connection.sendall(open_message(self.arguments.address, self.arguments.hold_time))
        kinds = []
        while KEEPALIVE not in kinds:
            octets = self.connection.recv(65536)
            if not octets:
                return False
            for kind, _ in self.hearing.take(octets):
                kinds.append(kind)
                if kind == OPEN:
                    self.connection.sendall(message(KEEPALIVE))
        say("established")
        if not self.arguments.deaf:
            threading.Thread(target=self.hear, daemon=True).start()
        return True

    def hear(self):
        try:
            while octets := self.connection.recv(65536):
                for kind, body in self.hearing.take(octets):
                    if kind == NOTIFICATION:
                        say(f"notification {body[0]}/{body[1]}")
        except OSError:
            pass
        self.is_over = True

    def keep_alive(self):
        if time.monotonic() - self.spoken > self.arguments.hold_time / 4:
            self.write(message(KEEPALIVE))

    def write(self, octets):
        """All of it, unless the session is over before."""
        view = memoryview(octets)
        while view and not self.is_over:
            if not select.select([], [self.connection], [], 0.2)[1]:
                continue
            sent = self.connection.send(view)
            view = view[sent:]
        self.spoken = time.monotonic()

    def send(self, octets):
        size = 1 if self.arguments.octets else 65536
        for start in range(0, len(octets), size):
            if self.is_over:
                return
            self.write(octets[start:start + size])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--octets", action="store_true")
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("address")
    parser.add_argument("hold_time", type=int)
    parser.add_argument("routes", type=int)
    parser.add_argument("per_set", type=int)
    parser.add_argument("per_update", type=int, nargs="?", default=1)
    arguments = parser.parse_args()
    table = announcements(0, arguments.routes, arguments.per_set, arguments.per_update)
    gone = withdrawals(0, arguments.routes)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if arguments.deaf:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    listener.bind((arguments.address, 179))
    listener.listen(4)
    lines = commands()
    say("listening")
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        load = Load(arguments, connection)
        try:
            if load.establish() and not serve(load, table, gone, lines):
                return
        except OSError:
            pass
        connection.close()
        say("lost")


def serve(load, table, gone, lines):
    """One session; answers whether there is to be another one."""
    arguments = load.arguments
    load.send(table + END_OF_RIB)
    say("announced")
    shift = 0
    while not load.is_over:
        try:
            line = lines.get(timeout=0.2)
        except queue.Empty:
            load.keep_alive()
            continue
        if line is None:
            return False
        match line[0]:
            case "report":
                say(f"report {'lost' if load.is_over else 'up'} {load.hearing.report()}")
            case "announce":
                load.send(table + END_OF_RIB)
                say("announced")
            case "withdraw":
                load.send(gone)
                say("withdrawn")
            case "shift":
                # The sets are numbered by the first of their hosts.
                shift += 1
                load.send(announcements(0, arguments.routes, arguments.per_set + shift, arguments.per_update))
                say("shifted")
            case "ask":
                for _ in range(int(line[1])):
                    load.send(REQUEST * 1000)
                say("asked")
    return True


main()
