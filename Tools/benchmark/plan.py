"""What is measured, of whom, and how often."""
import dataclasses

PEERS = ("bird", "openbgpd", "frr", "gobgp", "exabgp")
KEEPING = ("bird", "openbgpd", "frr", "gobgp")  # ExaBGP keeps no table
GROWTH = (10_000, 30_000, 100_000, 300_000)


@dataclasses.dataclass
class Scenario:
    name: str
    spec: dict
    kinds: tuple
    # Rounds of those that take much longer than the others.
    rounds: dict = dataclasses.field(default_factory=dict)
    # Seconds after which a measurement has failed.
    patience: int = 90


RELOAD = Scenario("reload", {"measure": "reload", "count": 1_000_000}, ("nftbgpd",), patience=150)


def fill(name, count, kinds, interval=False, **options):
    extra = {key: options.pop(key) for key in ("listings", "withdrawal") if key in options}
    return Scenario(name, {"measure": "fill", "count": count, "interval": interval, **extra}, kinds, **options)


def long_form():
    everybody = ("nftbgpd", "floor") + PEERS
    slow = {"gobgp": 2, "exabgp": 2}
    keeping_well = ("nftbgpd", "bird", "openbgpd", "frr")
    few = dict.fromkeys(PEERS, 3) | {"gobgp": 1, "exabgp": 1}
    at_rest = {"measure": "idle", "count": 200_000, "rest": 12, "seconds": 30}
    return [
        fill("hash 200k", 200_000, everybody, rounds=slow, listings=True, withdrawal=True),
        fill("interval 200k", 200_000, everybody, interval=True, rounds={"gobgp": 1, "exabgp": 1}, patience=60,
             withdrawal=True),
        fill("hash 1M", 1_000_000, keeping_well + ("floor",), rounds={"openbgpd": 3, "frr": 3}, patience=150),
        Scenario("learn", {"measure": "learn", "count": 1_000_000, "twice": True}, ("nftbgpd",) + KEEPING,
                 rounds={"gobgp": 1, "openbgpd": 3, "frr": 3}, patience=150),
        Scenario("learn worst", {"measure": "learn", "count": 1_000_000, "shape": "worst"}, keeping_well,
                 rounds={"openbgpd": 2, "frr": 2}, patience=150),
        Scenario("idle", at_rest, keeping_well, rounds=dict.fromkeys(keeping_well, 1) | {"nftbgpd": 2}),
        *changes(400, 15),
        *restarts(),
        RELOAD,
        *(fill(f"growth {count}", count, everybody, rounds=few) for count in GROWTH),
    ]


def quick_form():
    kinds = ("nftbgpd", "floor", "bird", "openbgpd", "frr")
    return [
        fill("hash 200k", 200_000, kinds, listings=True, withdrawal=True),
        fill("interval 200k", 200_000, ("nftbgpd", "floor", "bird", "frr"), interval=True, withdrawal=True),
        Scenario("learn", {"measure": "learn", "count": 1_000_000, "twice": True}, ("nftbgpd", "bird")),
        Scenario("learn worst", {"measure": "learn", "count": 1_000_000, "shape": "worst"}, ("nftbgpd", "bird")),
        *changes(200, 5, million=False),
        *restarts(),
        RELOAD,
    ]


def changes(samples, seconds, million=True):
    def of(name, count, interval, rounds, **spec):
        return Scenario(name, {"measure": "change", "count": count, "interval": interval, **spec}, ("nftbgpd",),
                        rounds={"nftbgpd": rounds})

    return [
        of("change hash 200k", 200_000, False, 5, samples=samples, seconds=seconds),
        of("change interval 200k", 200_000, True, 3, samples=samples // 10, seconds=seconds),
    ] + [of("change hash 1M", 1_000_000, False, 5, samples=samples)] * million


def restarts():
    spec = {"measure": "restart", "count": 200_000}
    return [
        Scenario("restart hash", spec | {"interval": False}, ("nftbgpd",)),
        Scenario("restart interval", spec | {"interval": True}, ("nftbgpd",)),
    ]
