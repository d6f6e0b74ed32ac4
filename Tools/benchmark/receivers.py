"""The daemons that are compared, each with what a user would build around it to fill the sets."""
import os
import re
import shutil
import subprocess
import sys

from benchmark.feed import BLACK, BYPASS, OUR_AS, PEER_AS
from benchmark.netlink import TABLE

HERE = os.path.dirname(os.path.abspath(__file__))
ROUTER_ID = "127.0.0.9"
LISTEN = "127.0.0.2"  # for daemons that cannot do without
# What a script does with the listing of any daemon: the hosts of the first columns become one element list.
TO_ELEMENTS = r"""awk -v set={table} '{{ for (i = 1; i <= 3; i++) if ($i ~ /\/32$/) {{
  printf "%s%s", n++ ? "," : "add element inet {nft} " set " {{", substr($i, 1, length($i) - 3); break }} }}
  END {{ if (n) print "}}" }}'"""


class Receiver:
    """A daemon in the group of a measurement."""

    # Whether it fills the sets by itself, and nobody has to run a script.
    fills_sets = False
    # What it uses of a processor when it has nothing to do, at most.
    restlessness = 0.005

    def __init__(self, group, directory, servers, products, **options):
        self.group = group
        self.directory = directory
        self.servers = servers
        self.products = products
        self.options = options
        self.log = self.path(f"{self.name}.log")
        group.little = self.restlessness * group.QUIET
        self.start()

    def start(self):
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = self.group.spawn(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text, mode=0o600):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def shell(self, script):
        """Runs a script of the user's; returns its peak of memory."""
        return self.group.run(["sh", "-c", script])

    def show(self, community):
        """The command that lists the routes with a community."""
        raise NotImplementedError

    def list_to(self, path):
        return self.shell(f"{self.show(BLACK)} > {path}")

    def export_to(self, path):
        """A list for spamd-setup, as it is made without nftbgpd."""
        self.shell(rf"{self.show(BLACK)} | awk '{{ for (i = 1; i <= 3; i++) if ($i ~ /\/32$/) "
                   rf"{{ print substr($i, 1, length($i) - 3); break }} }}' > {path}")

    def fill_sets(self):
        """What runs from cron: both sets anew, in one transaction; returns its peak of memory."""
        parts = []
        for table, community in (("black", BLACK), ("bypass", BYPASS)):
            parts.append(f"echo flush set inet {TABLE} {table}")
            parts.append(f"{self.show(community)} | {TO_ELEMENTS.format(table=table, nft=TABLE)}")
        return self.shell("{ " + "; ".join(parts) + "; } | nft -f -")


class NFTBGPD(Receiver):
    name, title = "nftbgpd", "nftbgpd"
    fills_sets = True

    def configure(self, more=""):
        """Writes the configuration, with more rules if any."""
        snapshot = f'"{self.path("snapshot")}"' if self.options.get("snapshot") else "no"
        text = f'AS {OUR_AS}\nrouter-id {ROUTER_ID}\nconnect-retry 1\nsocket "{self.path("nftbgpd.sock")}"\n'
        text += f"snapshot {snapshot}\nnft table inet {TABLE}\nallow from any\n"
        for server in self.servers:
            text += f"neighbor {server} {{\n  remote-as {PEER_AS}\n  multihop 64\n}}\n"
        if self.options.get("tables", True):
            text += f'match from any community {BYPASS} set pftable "bypass"\n'
            text += f'match from any community {BLACK} set pftable "black"\n'
            # It is meant to leave at once what is withdrawn.
            text += "".join(f'table "{table}" {{ shrink-limit no }}\n' for table in ("black", "bypass"))
        return self.write("nftbgpd.conf", text + more)

    def command(self):
        return [os.path.join(self.products, "nftbgpd"), "-f", self.configure()]

    def reload(self, more):
        self.configure(more)
        self.shell(self.control("reload"))

    def control(self, words):
        return f'{self.products}/nftbgpctl -s {self.path("nftbgpd.sock")} {words}'

    def show(self, community):
        return self.control(f"show rib community {community}")

    def export_to(self, path):
        self.shell(self.control(f"export black -o {path}"))


class BIRD(Receiver):
    name, title = "bird", "BIRD"

    def command(self):
        text = f"router id {ROUTER_ID};\nlog stderr all;\nprotocol device {{}}\n"
        for number, server in enumerate(self.servers):
            text += f"protocol bgp peer{number} {{\n  local {LISTEN} as {OUR_AS};\n  neighbor {server} as {PEER_AS};\n"
            text += "  multihop 64;\n  strict bind yes;\n  connect delay time 1;\n"
            text += "  ipv4 { import all; export none; };\n}\n"
        return ["bird", "-f", "-c", self.write("bird.conf", text), "-s", self.path("bird.ctl")]

    def show(self, community):
        pair = community.replace(":", ",")
        return f"birdc -s {self.path('bird.ctl')} 'show route where ({pair}) ~ bgp_community'"


class OpenBGPD(Receiver):
    name, title = "openbgpd", "OpenBGPD"

    def command(self):
        os.makedirs("/run/openbgpd", exist_ok=True)  # the directory that the package's daemon locks itself into
        text = f'AS {OUR_AS}\nrouter-id {ROUTER_ID}\nfib-update no\nlisten on {LISTEN}\nconnect-retry 1\n'
        text += f'socket "{self.path("bgpd.sock")}"\n'
        for server in self.servers:
            text += f"neighbor {server} {{\n  remote-as {PEER_AS}\n  multihop 64\n}}\n"
        return ["bgpd", "-d", "-f", self.write("bgpd.conf", text + "allow from any\n")]

    def show(self, community):
        return f"bgpctl -s {self.path('bgpd.sock')} show rib community {community}"


class FRR(Receiver):
    name, title = "frr", "FRR"

    def command(self):
        text = f"router bgp {OUR_AS}\n bgp router-id {ROUTER_ID}\n no bgp ebgp-requires-policy\n"
        for server in self.servers:
            text += f" neighbor {server} remote-as {PEER_AS}\n neighbor {server} ebgp-multihop 64\n"
            text += f" neighbor {server} timers connect 1\n"
        words = ["/usr/lib/frr/bgpd", "-Z", "-n", "-S", "-l", LISTEN, "-A", LISTEN, "-P", "0"]
        words += ["-f", self.write("bgpd.conf", text), "-i", self.path("bgpd.pid"), "--vty_socket", self.directory]
        return words

    def show(self, community):
        return f"vtysh --vty_socket {self.directory} -d bgpd -c 'show bgp ipv4 unicast community {community}'"


class GoBGP(Receiver):
    name, title = "gobgp", "GoBGP"

    def command(self):
        text = f'[global.config]\n  as = {OUR_AS}\n  router-id = "{ROUTER_ID}"\n  port = -1\n'
        for server in self.servers:
            text += f'[[neighbors]]\n  [neighbors.config]\n    neighbor-address = "{server}"\n    peer-as = {PEER_AS}\n'
            text += "  [neighbors.ebgp-multihop.config]\n    enabled = true\n    multihop-ttl = 64\n"
            text += "  [neighbors.timers.config]\n    connect-retry = 1\n    idle-hold-time-after-reset = 1\n"
        return ["gobgpd", "-f", self.write("gobgpd.toml", text), "--api-hosts", f"{LISTEN}:50051", "--pprof-disable"]

    def show(self, community):
        # It has no filter by community.
        return f"gobgp -u {LISTEN} global rib | grep -F {community}"


class ExaBGP(Receiver):
    """It keeps no table that could be shown; a process of ours gets the changes and feeds nft."""

    name, title = "exabgp", "ExaBGP"
    fills_sets = True
    restlessness = 0.05

    def command(self):
        text = f"process nft {{\n  run {sys.executable} {HERE}/exabgp_process.py;\n  encoder json;\n}}\n"
        for server in self.servers:
            text += f"neighbor {server} {{\n  router-id {ROUTER_ID};\n  local-address {LISTEN};\n"
            text += f"  local-as {OUR_AS};\n  peer-as {PEER_AS};\n  family {{ ipv4 unicast; }}\n"
            text += "  api { processes [ nft ]; receive { parsed; update; } }\n}\n"
        settings = {"exabgp.daemon.user": "root", "exabgp.api.cli": "false", "exabgp.log.level": "WARNING"}
        settings["exabgp.tcp.delay"] = "0"
        words = ["env"] + [f"{key}={value}" for key, value in settings.items()]
        return words + ["exabgp", self.write("exabgp.conf", text, 0o644)]


RECEIVERS = {kind.name: kind for kind in (NFTBGPD, BIRD, OpenBGPD, FRR, GoBGP, ExaBGP)}

VERSIONS = {
    "bird": ["bird", "--version"], "openbgpd": ["bgpctl", "-V"], "frr": ["/usr/lib/frr/bgpd", "--version"],
    "gobgp": ["gobgpd", "--version"], "exabgp": ["exabgp", "--version"],
}


def version(name):
    """The version of an installed daemon; None where there is none."""
    words = VERSIONS[name]
    if not shutil.which(words[0]):
        return None
    text = subprocess.run(words, capture_output=True, text=True, check=False)
    number = re.search(r"\d+\.\d[\d.]*", text.stdout + text.stderr)
    return number[0] if number else "?"


def product_version(products):
    text = subprocess.run([f"{products}/nftbgpd", "-V"], capture_output=True, text=True, check=False)
    return (text.stdout + text.stderr).strip().removeprefix("nftbgpd ")
