"""The route server of the measurements: it accepts a session and sends what it is told to, octets that are ready."""
import socket
import struct
import threading
import time

from benchmark.feed import PEER_AS, message

KEEPALIVE = message(4)


def open_message(address, hold_time):
    capabilities = b"\x01\x04\x00\x01\x00\x01"  # IPv4 unicast
    capabilities += b"\x41\x04" + struct.pack("!I", PEER_AS)
    capabilities += b"\x40\x02" + struct.pack("!H", 120)  # graceful restart, for the sake of End-of-RIB
    parameters = b"\x02" + bytes([len(capabilities)]) + capabilities
    fixed = struct.pack("!BHH4sB", 4, PEER_AS, hold_time, socket.inet_aton(address), len(parameters))
    return message(1, fixed + parameters)


class RouteServer:
    def __init__(self, address, hold_time=90):
        self.address = address
        self.hold_time = hold_time
        # When KEEPALIVEs have come.
        self.heard = []
        self.established = threading.Event()
        self.sending = threading.Lock()
        self.peer = None
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, 179))
        self.listener.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()
        threading.Thread(target=self.keep_alive, daemon=True).start()

    def accept(self):
        while True:
            peer, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            peer.sendall(open_message(self.address, self.hold_time))
            with peer.makefile("rb") as octets:
                while len(header := octets.read(19)) == 19:
                    length, kind = struct.unpack("!HB", header[16:])
                    octets.read(length - 19)
                    if kind == 1:
                        peer.sendall(KEEPALIVE)
                    elif kind == 4:
                        self.heard.append(time.monotonic())
                        self.peer = peer
                        self.established.set()
        except OSError:
            pass  # the peer has ended
        if self.peer is peer:
            self.established.clear()
        peer.close()

    def keep_alive(self):
        while True:
            time.sleep(self.hold_time / 4)
            if self.established.is_set():
                try:
                    self.send(KEEPALIVE)
                except OSError:
                    pass

    def send(self, octets):
        with self.sending:
            self.peer.sendall(octets)

    def play(self, path):
        """Sends a file. It is in memory before the first octet leaves."""
        with open(path, "rb") as file:
            octets = file.read()
        start = time.monotonic()
        self.send(octets)
        return start
