"""The rows of the report: which figure of which scenario, and what it should be."""
import dataclasses
import statistics

MEBI = 1 << 20


@dataclasses.dataclass
class Row:
    number: str
    title: str
    scenario: str
    figure: str
    unit: str = "s"
    # What nftbgpd should need at most: in the unit, as a multiple of the floor, and as a fraction of a peer.
    most: float = None
    times_floor: float = None
    advantage: float = None
    # Whom it should be that much ahead of; of nobody in particular: of the best.
    ahead_of: str = None
    # Of that peer, its best run and not its median.
    of_best_run: bool = False
    note: str = ""
    # Why a target is missed, where it is known to be.
    reason: str = ""


TOO_CHEAP = ("the targets were set when BIRD with a script took twice as long as it does here, with the script that this "
             "measurement gives it; the kernel's part alone, the floor, is more than half of what nftbgpd takes, so there "
             "is little left to save")

ROWS = [
    Row("1", "200,000 hosts into hash sets: CPU", "hash 200k", "fill cpu", most=0.30, times_floor=2.0, advantage=5,
        reason=TOO_CHEAP),
    Row("2", "200,000 hosts into interval sets: CPU", "interval 200k", "fill cpu", most=1.05, times_floor=1.5,
        advantage=3),
    Row("3", "1,000,000 hosts into hash sets: CPU", "hash 1M", "fill cpu", most=1.6, times_floor=2.0, advantage=5,
        ahead_of="bird", reason=TOO_CHEAP),
    Row("4", "learn 1,000,000, packed, no tables: CPU", "learn", "learn cpu", most=0.5, advantage=4, ahead_of="bird",
        of_best_run=True,
        reason="the target was set when BIRD's best run was 1.9 s; it takes a fifth of that here"),
    Row("5", "learn 1,000,000, worst case, no tables: CPU", "learn worst", "learn cpu", most=1.2, advantage=4,
        ahead_of="bird",
        reason="the target was set when BIRD took 4.95 s; it takes a sixth of that here. Of nftbgpd's time, a quarter is "
               "the counting of references, and the rest is spread over decoding, judging and the table of routes"),
    Row("6", "memory of a route, 1,000,000 of one server", "learn", "learn octets a route", "octets", most=64),
    Row("6", "the same with its place in a table", "hash 1M", "octets a route", "octets"),
    Row("7", "more memory of a route that a second server announces, too", "learn", "second octets a route", "octets",
        most=32),
    Row("8", "idle after 200,000: resident", "idle", "idle resident", "MiB", most=40),
    Row("8", "idle: wake-ups in 30 s", "idle", "idle wake-ups", "", note="no wake-ups but timers"),
    Row("9", "one announcement to the kernel, p50, at 200,000", "change hash 200k", "latency p50", "ms", most=1),
    Row("9", "the same, p99", "change hash 200k", "latency p99", "ms", most=5),
    Row("9", "the same, p50, at 1,000,000", "change hash 1M", "latency p50", "ms", most=1),
    Row("9", "the same, p99", "change hash 1M", "latency p99", "ms", most=5),
    Row("10", "60 changes a second at 200,000, hash sets: of a processor", "change hash 200k", "churn share", "%",
        most=1,
        reason="each change wakes two threads and takes some 17 system calls, none of which stands out. It differs between "
               "runs for a reason that was not found: one and the same build (b189d24) took 0.9 % in the morning of "
               "2026-11-28, and 1.8 to 2.1 % in its afternoon beside this one"),
    Row("10", "the same, interval sets", "change interval 200k", "churn share", "%", most=15),
    Row("11", "withdraw 200,000, hash sets: CPU", "hash 200k", "withdraw cpu", times_floor=2.5),
    Row("11", "the same, interval sets", "interval 200k", "withdraw cpu", times_floor=2.5),
    Row("12", "restart at 200,000, hash sets: until they are verified", "restart hash", "restart wall", most=1),
    Row("12", "the same, interval sets", "restart interval", "restart wall", most=1),
    Row("13", "show rib community 65066:666, of 200,000: CPU", "hash 200k", "show cpu", most=0.12, advantage=2,
        ahead_of="bird"),
    Row("14", "list for spamd-setup, of 200,000: CPU", "hash 200k", "export cpu", most=0.08),
    Row("15", "reload that filters 1,000,000 again and changes nothing: CPU", "reload", "reload still cpu", most=0.5),
    Row("15", "the same: the latest KEEPALIVE is late by", "reload", "reload still lateness", "ms", most=100),
    Row("15", "one that moves 50,000 of them to the other table: CPU", "reload", "reload moving cpu", most=0.5),
    Row("15", "the same: the latest KEEPALIVE is late by", "reload", "reload moving lateness", "ms", most=100),
]

SCALES = {"MiB": 1 / MEBI, "ms": 1000, "%": 100}


class Figures:
    """What has been measured: the values of all rounds, by scenario, kind and figure."""

    def __init__(self):
        self.values = {}
        self.failures = {}
        self.measurements = 0
        # Those of them during which another program listened to nf_tables.
        self.disturbed = 0

    def add(self, scenario, kind, figures):
        for name, value in figures.items():
            self.values.setdefault((scenario, kind, name), []).append(value)

    def fail(self, scenario, kind, reason):
        self.failures[scenario, kind] = reason

    def of(self, row, kind):
        """The values of a row in its unit."""
        values = self.values.get((row.scenario, kind, row.figure), [])
        return [value * SCALES.get(row.unit, 1) for value in values]

    def median(self, row, kind):
        values = self.of(row, kind)
        return statistics.median(values) if values else None


@dataclasses.dataclass
class Verdict:
    """How nftbgpd compares, and which of its targets it meets."""

    times_floor: float
    advantage: float
    rival: str
    met: bool
    targets: list


def judge(row, figures, peers):
    ours = figures.median(row, "nftbgpd")
    floor = figures.median(row, "floor")
    medians = {peer: figures.median(row, peer) for peer in peers}
    medians = {peer: median for peer, median in medians.items() if median is not None}
    rival = row.ahead_of if row.ahead_of in medians else min(medians, key=medians.get, default=None)
    theirs = medians.get(rival)
    if rival and row.of_best_run:
        theirs = min(figures.of(row, rival))
    times_floor = ours / floor if ours and floor else None
    advantage = theirs / ours if ours and theirs else None
    checks = []
    if row.most is not None:
        checks.append((f"≤ {row.most:g} {row.unit}".strip(), ours is not None and ours <= row.most))
    if row.times_floor:
        checks.append((f"≤ {row.times_floor:g} × floor", times_floor is not None and times_floor <= row.times_floor))
    if row.advantage and rival:
        whom = row.ahead_of and {"bird": "BIRD"}[row.ahead_of] or "the best peer"
        if row.of_best_run:
            whom += "'s best run"
        is_ahead = advantage is not None and advantage >= row.advantage
        checks.append((f"≥ {row.advantage:g} × less than {whom}", is_ahead))
    if ours is None:
        return Verdict(None, None, None, None, [(text, True) for text, _ in checks])
    return Verdict(times_floor, advantage, rival, all(good for _, good in checks) if checks else None, checks)
