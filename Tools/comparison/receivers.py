"""The daemons that the rows are played to, and what they show of their tables."""
import collections
import json
import os
import re
import subprocess

from comparison.table import PEERS

NAMES = {
    "ORIGIN": 1, "AS_PATH": 2, "NEXT_HOP": 3, "MULTI_EXIT_DISC": 4, "LOCAL_PREF": 5, "ATOMIC_AGGREGATE": 6, "AGGREGATOR": 7,
    "COMMUNITIES": 8, "ORIGINATOR_ID": 9, "CLUSTER_LIST": 10, "EXTENDED COMMUNITIES": 16, "AS4_PATH": 17, "AS4_AGGREGATOR": 18,
    "LARGE_COMMUNITY": 32, "OTC": 35,
}


def text_of(values):
    return " ".join(sorted(values))


class Receiver:
    """A daemon, which listens on an address or, with none, connects."""

    address = None
    # Attributes that are not shown, so that nobody can tell whether they were discarded; AS4_PATH and AS4_AGGREGATOR never are.
    hidden = {17, 18}
    shows_unknown = True

    def __init__(self, directory, products, rows):
        self.directory = directory
        self.products = products
        self.log = self.path(f"{self.name}.log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command(rows), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def ask(self, *words):
        return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False).stdout

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def remarks(self, _row):
        """What it logged of a row, in the words of the table."""
        return set()


class JSONReceiver(Receiver):
    def routes(self):
        """The attributes of each route, by code, by the neighbor's address and the prefix."""
        found = collections.defaultdict(dict)
        answer = json.loads(self.ask(*self.query) or "{}")
        for route in answer.get("rib", []):
            if not route["valid"]:
                continue  # OpenBGPD keeps what it excludes, such as a loop
            found[route["neighbor"]["remote_addr"]][route["prefix"]] = self.attributes(route)
        return found

    def attributes(self, route):
        shown = {1: route["origin"].lower(), 2: route["aspath"], 3: route["exit_nexthop"]}
        # Values that stand there for want of an attribute are not those of the table.
        if route["metric"]:
            shown[4] = str(route["metric"])
        if route["localpref"] != 100:
            shown[5] = str(route["localpref"])
        for code, key in ((8, "communities"), (16, "extended_communities"), (32, "large_communities")):
            if route.get(key):
                shown[code] = text_of(route[key])
        for attribute in route.get("attributes", []):
            kind = attribute["type"]
            if kind == "Atomic Aggregate":
                shown[6] = ""
            elif kind == "Aggregator":
                shown[7] = f"{attribute['AS']} {attribute['router_id']}"
            elif kind == "Originator Id":
                shown[9] = attribute["originator"]
            elif kind == "Cluster Id List":
                shown[10] = " ".join(attribute["cluster_list"])
            elif kind == "OTC":
                shown[35] = str(attribute["as"])
            elif "#" in kind:
                shown[int(kind.split("#")[1])] = attribute.get("data", "").replace(" ", "")
        return shown


class NFTBGPD(JSONReceiver):
    name = "nftbgpd"
    title = "nftbgpd"
    # Of those the log tells.
    hidden = {6, 7, 9, 10, 17, 18, 35}
    shows_unknown = False

    def command(self, rows):
        text = f'AS 65500\nrouter-id 127.0.0.9\nconnect-retry 1\nsocket "{self.path("nftbgpd.sock")}"\n'
        text += f'snapshot "{self.path("snapshot")}"\n'
        for peer, (_, asn) in PEERS.items():
            text += f'group "{peer}" {{\n  remote-as {asn}\n  multihop 64\n'
            text += "".join(f"  neighbor {row.address}\n" for row in rows if row.peer == peer) + "}\n"
        text += 'allow from any\nmatch from any community 65066:666 set pftable "listed"\n'
        self.query = [os.path.join(self.products, "nftbgpctl"), "-s", self.path("nftbgpd.sock"), "-j", "show", "rib", "in", "detail"]
        return [os.path.join(self.products, "nftbgpd"), "-f", self.write("nftbgpd.conf", text)]

    def remarks(self, row):
        with open(self.log, encoding="utf-8") as log:
            pattern = re.escape(row.address) + r"\b.*: bad UPDATE, (.*), attribute discarded"
            faults = re.findall(pattern, log.read())
        words = set()
        for fault in faults:
            name = next((name for name in NAMES if fault.startswith(name + " ")), None)
            code = NAMES[name] if name else int(fault.split()[1])
            words.add(f"{'first' if fault.endswith('given twice') else 'discard'} {code}")
        return words


class OpenBGPD(JSONReceiver):
    name = "openbgpd"
    title = "OpenBGPD"
    address = "127.0.0.2"

    def command(self, rows):
        os.makedirs("/run/openbgpd", exist_ok=True)  # the directory that the package's daemon locks itself into
        text = f'AS 65500\nrouter-id 127.0.0.9\nfib-update no\nlisten on {self.address}\n'
        text += f'socket "{self.path("bgpd.sock")}"\n'
        for network, asn in PEERS.values():
            text += f"neighbor 127.{network}.0.0/16 {{\n  remote-as {asn}\n  multihop 64\n  passive\n"
            text += "  announce IPv6 unicast\n  announce IPv4 unicast\n}\n"
        self.query = ["bgpctl", "-s", self.path("bgpd.sock"), "-j", "show", "rib", "detail"]
        return ["bgpd", "-d", "-f", self.write("bgpd.conf", text + "allow from any\n")]


class BIRD(Receiver):
    name = "bird"
    title = "BIRD"
    address = "127.0.0.3"
    codes = {
        "origin": 1, "as_path": 2, "next_hop": 3, "med": 4, "local_pref": 5, "atomic_aggr": 6, "aggregator": 7, "community": 8,
        "originator_id": 9, "cluster_list": 10, "ext_community": 16, "large_community": 32, "otc": 35,
    }

    def command(self, rows):
        text = "router id 127.0.0.9;\nlog stderr all;\nprotocol device {}\n"
        for peer, (network, asn) in PEERS.items():
            text += f"protocol bgp {peer}_template {{\n  local {self.address} as 65500;\n"
            text += f"  neighbor range 127.{network}.0.0/16 as {asn};\n  dynamic name \"{peer}_\";\n  dynamic name digits 4;\n"
            text += "  multihop 64;\n  passive yes;\n  strict bind yes;\n  enable extended messages on;\n"
            text += "" if peer == "ibgp" else "  enforce first as on;\n"
            text += "  ipv4 { import all; export none; };\n  ipv6 { import all; export none; };\n}\n"
        return ["bird", "-d", "-c", self.write("bird.conf", text), "-s", self.path("bird.ctl")]

    def routes(self):
        found = collections.defaultdict(dict)
        prefix, shown = None, {}
        for line in self.ask("birdc", "-s", self.path("bird.ctl"), "show", "route", "all").splitlines():
            if head := re.match(r"(\S*) +\S+ \[\S+ \S+ from (\S+?)\]", line):
                prefix = head[1] or prefix
                shown = found[head[2]][prefix] = {}
            elif attribute := re.match(r"\tBGP\.(\S+)(?: \[.*?\])?: ?(.*)", line):
                self.note(shown, attribute[1], attribute[2].strip())
        return found

    def note(self, shown, name, value):
        code = self.codes.get(name)
        if code is None:
            if re.fullmatch("[0-9a-f]{2}", name):
                shown[int(name, 16)] = value.replace(" ", "")
            return
        if code in (8, 16, 32):
            value = text_of(":".join(item.split(", " if code > 8 else ",")) for item in re.findall(r"\(([^)]*)\)", value))
            value = re.sub(r"\brt:", "rt ", value)
        elif code == 1:
            value = value.lower()
        elif code == 7:
            value = re.sub(r"(\S+) AS(\d+)", r"\2 \1", value)
        elif code == 2:
            value = re.sub(r"[{}()]", lambda brace: {"{": "{ ", "}": " }"}.get(brace[0], brace[0]), value)
        shown[code] = value


def version(kind):
    if kind is OpenBGPD:
        text = subprocess.run(["bgpctl", "-V"], capture_output=True, text=True, check=False)
    elif kind is BIRD:
        text = subprocess.run(["bird", "--version"], capture_output=True, text=True, check=False)
    else:
        return kind.title
    number = re.search(r"\d[\d.]+", text.stdout + text.stderr)
    return f"{kind.title} {number[0]}" if number else kind.title
