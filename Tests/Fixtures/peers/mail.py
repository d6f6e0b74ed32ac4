#!/usr/bin/env python3
"""Mail servers and who connects to them, as far as a firewall sees of either.

    mail.py listen NAME ADDRESS PORT...    greets everybody with its name and the port that the client meant
    mail.py deliver                        connects for each line of standard input, "SOURCE DESTINATION PORT [SECONDS]", and says
                                           "SOURCE DESTINATION PORT GREETING"
"""
import socket
import struct
import sys
import threading

from bgp import say

ORIGINAL_DESTINATION = 80  # linux/netfilter_ipv4.h, and the same number in linux/netfilter_ipv6/ip6_tables.h


def intended_port(connection):
    """As spamd asks for it: from connection tracking, which knows where the client meant to go."""
    is_ipv4 = connection.family == socket.AF_INET or connection.getsockname()[0].startswith("::ffff:")
    level = socket.IPPROTO_IP if is_ipv4 else socket.IPPROTO_IPV6
    address = connection.getsockopt(level, ORIGINAL_DESTINATION, 28)
    return struct.unpack("!H", address[2:4])[0]


def listen(name, address, ports):
    def serve(listener):
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(f"220 {name} {intended_port(connection)}\r\n".encode())

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listeners = [socket.create_server((address, port), family=family, backlog=64, dualstack_ipv6=family == socket.AF_INET6) for port in ports]
    for listener in listeners:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
    say("listening")
    threading.Event().wait()


def deliver():
    say("ready")
    for line in sys.stdin:
        source, destination, port, *seconds = line.split()
        timeout = float(seconds[0]) if seconds else 30
        try:
            with socket.create_connection((destination, int(port)), timeout, source_address=(source, 0)) as connection:
                greeting = connection.makefile("r").readline().strip()
        except OSError as error:
            greeting = f"error {error}"
        say(f"{source} {destination} {port} {greeting}")


def main():
    if sys.argv[1] == "listen":
        listen(sys.argv[2], sys.argv[3], [int(port) for port in sys.argv[4:]])
    else:
        deliver()


main()
