#!/usr/bin/env python3
"""Many peers at once, on 127.0.2.1, 127.0.2.2 and so on, which share most of their routes.

    crowd.py PEERS HOLD-TIME ROUTES STEP

Peer n announces ROUTES hosts from number n * STEP on, then End-of-RIB. On standard input it takes `die` (all connections are reset and
nobody listens), `return` and `report`.
"""
import asyncio
import socket
import struct
import sys

from bgp import END_OF_RIB, KEEPALIVE, NOTIFICATION, OPEN, Hearing, announcements, message, open_message, say


class Member:
    def __init__(self, number, hold_time, table):
        self.number = number
        self.address = f"127.0.2.{number + 1}"
        self.hold_time = hold_time
        self.table = table
        self.hearing = Hearing()
        self.is_up = False
        self.writer = None

    async def run(self, reader, writer):
        self.writer, self.hearing, self.is_up = writer, Hearing(), False
        beat = None
        try:
            writer.write(open_message(self.address, self.hold_time))
            while octets := await reader.read(65536):
                for kind, body in self.hearing.take(octets):
                    if kind == OPEN:
                        writer.write(message(KEEPALIVE))
                    elif kind == KEEPALIVE and not self.is_up:
                        self.is_up = True
                        writer.write(self.table + END_OF_RIB)
                        beat = asyncio.create_task(self.beat(writer))
                    elif kind == NOTIFICATION:
                        say(f"{self.address} notification {body[0]}/{body[1]}")
        except OSError:
            pass
        self.is_up = False
        if beat:
            beat.cancel()
        writer.close()

    async def beat(self, writer):
        while True:
            await asyncio.sleep(self.hold_time / 4)
            writer.write(message(KEEPALIVE))

    def die(self):
        if self.writer:
            # At once and without a word: a reset.
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()


async def main():
    count, hold_time, routes, step = map(int, sys.argv[1:])
    members = {}
    for number in range(count):
        member = Member(number, hold_time, announcements(number * step, routes, 10, 10))
        members[member.address] = member

    async def accepted(reader, writer):
        member = members.get(writer.get_extra_info("sockname")[0])
        if member is None or member.is_up:
            return writer.close()
        await member.run(reader, writer)

    async def listen():
        found = await asyncio.start_server(accepted, "0.0.0.0", 179, backlog=1024)
        say("listening")
        return found

    server = await listen()
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode().strip():
        match line:
            case "die":
                server.close()
                for member in members.values():
                    member.die()
                say("died")
            case "return":
                server = await listen()
            case "report":
                up = [member for member in members.values() if member.is_up]
                longest = max(up, key=lambda member: float(member.hearing.report().split()[-1]), default=None)
                figures = longest.hearing.report() if longest else "keepalives 0 gap 0"
                say(f"report {len(up)} {figures}")


asyncio.run(main())
