"""The measurements: each takes a specification and returns figures by name, in a network namespace of its own.

Times on the processor are those of all processes of a daemon and its clients, seconds; sizes are octets.
"""
import os
import random
import statistics
import subprocess
import sys
import time

from benchmark import netlink
from benchmark.accounts import Group, contents
from benchmark.feed import MOVING, Feed, lone_changes
from benchmark.netlink import DELSETELEM, NEWSETELEM, TABLES
from benchmark.receivers import RECEIVERS
from benchmark.server import RouteServer

SERVERS = ("127.0.0.66", "127.0.0.67")


class Sets:
    """The sets of a measurement and what they should hold."""

    def __init__(self, feed, is_interval):
        self.is_interval = is_interval
        self.members = {table: feed.members(table) for table in TABLES}
        # 2 ** 18 for 200,000, as the manual's example says, and in proportion: with room for what comes and goes.
        size = 1 << max(12, (feed.count * 5 // 4 - 1).bit_length())
        netlink.declare(is_interval, {table: size for table in TABLES})
        self.connection = netlink.Connection()
        chance = random.Random(2)
        self.sample = {
            table: [keys[0], keys[-1]] + chance.sample(keys, min(len(keys), 60))
            for table, keys in self.members.items() if keys
        }

    def await_filled(self, patience=150):
        self.wait(lambda: all(self.connection.holds(table, keys) for table, keys in self.sample.items()), patience)

    def await_empty(self, patience=150):
        self.wait(
            lambda: not any(self.connection.holds(table, [key]) for table, keys in self.sample.items() for key in keys),
            patience)

    @staticmethod
    def wait(condition, patience):
        deadline = time.monotonic() + patience
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the sets are not as they should be after {patience} s")
            time.sleep(0.005)

    def move(self, hosts):
        """From now on these should be in the other table."""
        moved = set(hosts)
        self.members["black"] = [host for host in self.members["black"] if host not in moved]
        self.members["bypass"] = self.members["bypass"] + hosts
        self.sample = {table: keys[-60:] for table, keys in self.members.items()}

    def verify(self):
        """No figure without what it is the price of: all members are in the sets."""
        for table, keys in self.members.items():
            if not self.connection.holds(table, keys):
                raise RuntimeError(f"not all of {table} are in the kernel")


def touch_memory(count):
    """Takes as much memory as a measurement may need and gives it back.

    The host of a virtual machine may have to find each page first; the price of that is not to be in anybody's figures.
    """
    size = (128 << 20) + (count << 10)
    program = f"import mmap; pages = mmap.mmap(-1, {size}); pages[::4096] = bytes({size} // 4096)"
    subprocess.run([sys.executable, "-S", "-c", program], check=True)


class Bench:
    """A daemon with its servers, whose sessions are up."""

    def __init__(self, spec, count=1, hold_time=90, **options):
        self.group = Group()
        self.servers = [RouteServer(address, hold_time) for address in SERVERS[:count]]
        kind = RECEIVERS[spec["kind"]]
        try:
            self.receiver = kind(self.group, spec["directory"], SERVERS[:count], spec["products"], **options)
            for server in self.servers:
                if not server.established.wait(40):
                    raise TimeoutError(f"{kind.title} has no session: {contents(self.receiver.log)[-2000:]}")
            touch_memory(spec["count"])
            self.group.settle()
        except BaseException:
            self.group.end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.group.end()

    def learn(self, path, server=0, patience=150):
        """Sends a file and waits until all of it has been dealt with; returns the seconds that went by."""
        start = self.servers[server].play(path)
        return self.group.settle(patience) - start

    def cpu_of(self, work):
        before = self.group.cpu
        work()
        return self.group.cpu - before


def feed_of(spec):
    return Feed(spec["feeds"], spec["count"], spec.get("shape", "packed")).build()


def rows_in(path):
    with open(path, "rb") as file:
        return sum(line.count(b"/32") == 1 or line.strip().replace(b".", b"").isdigit() for line in file)


def fill(spec):
    """From the first octet of the announcement to all elements in the kernel; then listings; then all withdrawn."""
    feed = feed_of(spec)
    sets = Sets(feed, spec["interval"])
    if spec["kind"] == "floor":
        return fill_by_hand(sets)
    figures = {}
    with Bench(spec) as bench:
        before = bench.group.cpu, bench.group.resident
        script_peak, figures["fill wall"] = bring(bench, feed.announcement, sets.await_filled)
        bench.group.settle()
        figures["fill cpu"] = bench.group.cpu - before[0]
        figures["fill peak"] = bench.group.peak + script_peak
        figures["octets a route"] = (bench.group.resident - before[1]) / feed.count
        sets.verify()
        if spec.get("listings"):
            list_all(bench, len(sets.members["black"]), figures)
        if spec.get("withdrawal"):
            before = bench.group.cpu
            bring(bench, feed.withdrawal, sets.await_empty)
            bench.group.settle()
            figures["withdraw cpu"] = bench.group.cpu - before
    return figures


def fill_by_hand(sets):
    """The floor: what the kernel alone takes for the same elements, encoded beforehand, in one transaction."""
    members = sets.members
    if sets.is_interval:
        members = {table: sorted(keys) for table, keys in members.items()}
    touch_memory(sum(map(len, members.values())))
    figures = {"fill cpu": sets.connection.transact(NEWSETELEM, members, sets.is_interval)}
    sets.verify()
    figures["withdraw cpu"] = sets.connection.transact(DELSETELEM, members, sets.is_interval)
    return figures


def bring(bench, path, await_sets):
    """Sends a file, and runs the user's script where there is one.

    Returns the script's peak of memory, and the seconds that it all took.
    """
    if bench.receiver.fills_sets:
        start = bench.servers[0].play(path)
        await_sets()
        return 0, time.monotonic() - start
    seconds = bench.learn(path)
    start = time.monotonic()
    peak = bench.receiver.fill_sets()
    await_sets()
    return peak, seconds + time.monotonic() - start


def list_all(bench, count, figures):
    receiver = bench.receiver
    if receiver.name == "exabgp":
        return
    for name, work in (("show", receiver.list_to), ("export", receiver.export_to)):
        path = receiver.path(name)
        figures[f"{name} cpu"] = bench.cpu_of(lambda work=work, path=path: (work(path), bench.group.settle()))
        if rows_in(path) != count:
            raise RuntimeError(f"{receiver.title} lists {rows_in(path)} routes, not {count}")


def learn(spec):
    """Routes without tables: how long it takes, and how much memory a route needs, from one server and from two."""
    feed = feed_of(spec)
    figures = {}
    with Bench(spec, count=2 if spec.get("twice") else 1, tables=False) as bench:
        before = bench.group.cpu, bench.group.resident
        figures["learn wall"] = bench.learn(feed.announcement)
        figures["learn cpu"] = bench.group.cpu - before[0]
        first = bench.group.resident
        figures["learn octets a route"] = (first - before[1]) / feed.count
        figures["learn peak"] = bench.group.peak
        if spec.get("twice"):
            bench.learn(feed.announcement, server=1)
            figures["second octets a route"] = (bench.group.resident - first) / feed.count
    return figures


def idle(spec):
    """What it costs to have nothing to do."""
    feed = feed_of(spec)
    sets = Sets(feed, False)
    with Bench(spec, snapshot=True) as bench:
        bring(bench, feed.announcement, sets.await_filled)
        time.sleep(spec["rest"])  # until nftbgpd's snapshot is written, ten seconds later
        bench.group.settle()
        before = bench.group.wake_ups, bench.group.cpu
        time.sleep(spec["seconds"])
        return {
            "idle resident": bench.group.resident,
            "idle wake-ups": (bench.group.wake_ups - before[0]) * 30 / spec["seconds"],
            "idle share": (bench.group.cpu - before[1]) / spec["seconds"],
        }


def change(spec):
    """Single changes to full sets: how long until the kernel has one, and what 60 of them a second cost."""
    feed = feed_of(spec)
    sets = Sets(feed, spec["interval"])
    figures = {}
    with Bench(spec) as bench:
        bring(bench, feed.announcement, sets.await_filled)
        bench.group.settle()
        server, chance = bench.servers[0], random.Random(3)
        if spec.get("samples"):
            # Whoever asks all the time competes with the daemon for a processor, and may make it wait for several milliseconds. One
            # that gives way to everybody sees a change a little later at worst.
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            latencies = []
            for host, announcement, _ in lone_changes(spec["samples"]):
                time.sleep(chance.uniform(0.002, 0.02))
                start = time.monotonic()
                server.send(announcement)
                while not sets.connection.holds("black", [host]):
                    if time.monotonic() - start > 20:
                        raise TimeoutError("a change has not reached the kernel")
                latencies.append(time.monotonic() - start)
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            figures["latency p50"] = statistics.median(latencies)
            figures["latency p99"] = statistics.quantiles(latencies, n=100)[98]
            for _, _, withdrawal in lone_changes(spec["samples"]):
                server.send(withdrawal)
            bench.group.settle()
        if spec.get("seconds"):
            figures["churn share"] = churn(bench, spec["seconds"])
    return figures


def churn(bench, seconds):
    """The share of a processor while 30 hosts a second are announced and 30 withdrawn."""
    # A host stays for half a second.
    changes = list(lone_changes(30 * seconds + 15))
    for _, announcement, _ in changes[:15]:
        bench.servers[0].send(announcement)
    pairs = zip(changes[15:], changes)
    updates = [octets for (_, announcement, _), (_, _, withdrawal) in pairs for octets in (announcement, withdrawal)]
    start, before = time.monotonic(), bench.group.cpu
    for number, octets in enumerate(updates):
        time.sleep(max(0, start + number / 60 - time.monotonic()))
        bench.servers[0].send(octets)
    return (bench.group.cpu - before) / (time.monotonic() - start)


def restart(spec):
    """A start beside sets that an earlier run has filled: until all of them has been read back and compared."""
    feed = feed_of(spec)
    sets = Sets(feed, spec["interval"])
    with Bench(spec, snapshot=True) as bench:
        bring(bench, feed.announcement, sets.await_filled)
        bench.group.settle()
        bench.receiver.process.terminate()
        bench.receiver.process.wait(30)
        before, start = bench.group.cpu, time.monotonic()
        bench.receiver.start()
        line = f"the tables hold {feed.count} elements"
        while line not in contents(bench.receiver.log):
            if time.monotonic() - start > 60:
                raise TimeoutError(f"no line '{line}': {contents(bench.receiver.log)[-1000:]}")
            time.sleep(0.002)
        figures = {"restart wall": time.monotonic() - start, "restart cpu": bench.group.cpu - before}
        bench.group.settle()
        sets.verify()
    return figures


def reload(spec):
    """Another configuration: with a rule that no route matches, and with one that moves a part to the other table."""
    feed = feed_of(spec)
    sets = Sets(feed, False)
    figures = {}
    with Bench(spec, hold_time=3) as bench:
        server = bench.servers[0]
        bring(bench, feed.announcement, sets.await_filled)
        for name, community in (("still", "65066:1"), ("moving", MOVING)):
            bench.group.settle()
            time.sleep(2.5)  # KEEPALIVEs before and after, a second apart
            first, before, start = len(server.heard), bench.group.cpu, time.monotonic()
            bench.receiver.reload(f'match from any community {community} set pftable "bypass"\n')
            if name == "moving":
                sets.move(feed.of_kind(0))
                sets.await_filled()
            figures[f"reload {name} wall"] = time.monotonic() - start
            bench.group.settle()
            figures[f"reload {name} cpu"] = bench.group.cpu - before
            time.sleep(2.5)
            figures[f"reload {name} lateness"] = lateness(server.heard[first - 1:])
        sets.verify()
        if not server.established.is_set():
            raise RuntimeError("the session has not stayed")
    return figures


def lateness(times):
    """By how much the latest KEEPALIVE was late: they are due a second after each other, a third of the hold time."""
    return max(0, max(after - before for before, after in zip(times, times[1:])) - 1)


MEASURES = {function.__name__: function for function in (fill, learn, idle, change, restart, reload)}


def run(spec):
    os.makedirs(spec["directory"], exist_ok=True)
    return MEASURES[spec["measure"]](spec)
