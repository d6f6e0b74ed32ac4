"""The figures as Markdown."""
import statistics

from benchmark.plan import GROWTH, PEERS
from benchmark.receivers import RECEIVERS
from benchmark.rows import MEBI, ROWS, judge

COLUMNS = ("nftbgpd", "floor") + PEERS


def title(kind):
    return "floor" if kind == "floor" else RECEIVERS[kind].title


def number(value):
    """Two or three digits that mean something."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 3 if abs(value) < 0.1 else 2 if abs(value) < 10 else 1
    return f"{value:.{digits}f}"


def cell(values, failure=None, rounds=None):
    if not values:
        return f"_{failure}_" if failure else "–"
    text = number(statistics.median(values))
    if len(values) > 1:
        text += f" ({number(min(values))}–{number(max(values))})"
    if rounds and len(values) != rounds:
        text += f" [{len(values)}]"
    return text


def line(cells):
    return "| " + " | ".join(cells) + " |"


def main_table(figures, rounds):
    heads = ["row", "what", "unit", "target"] + [title(kind) for kind in COLUMNS]
    heads += ["× floor", "best or named peer ÷ nftbgpd", "met"]
    lines = [line(heads), "|---" * len(heads) + "|"]
    for row in ROWS:
        verdict = judge(row, figures, PEERS)
        failures = {kind: figures.failures.get((row.scenario, kind)) for kind in COLUMNS}
        cells = [row.number, row.title, row.unit]
        cells.append("; ".join(text if good else f"**{text}**" for text, good in verdict.targets) or row.note or "–")
        cells += [cell(figures.of(row, kind), failures[kind], rounds) for kind in COLUMNS]
        cells.append(f"{verdict.times_floor:.2f}" if verdict.times_floor else "–")
        cells.append(f"{verdict.advantage:.1f} ({title(verdict.rival)})" if verdict.advantage else "–")
        cells.append({None: "–", True: "yes", False: "**no**"}[verdict.met])
        lines.append(line(cells))
    return lines


def missed(figures):
    """Why targets were missed."""
    return [f"- row {row.number}, {row.title}: {row.reason or 'not known yet'}."
            for row in ROWS if judge(row, figures, PEERS).met is False]


def side_table(figures):
    """How long it took and how much memory, of the rows about filled sets."""
    lines = ["| sets | who | seconds until all are in the kernel | peak of memory, MiB |", "|---|---|---|---|"]
    for scenario in ("hash 200k", "interval 200k", "hash 1M"):
        for kind in ("nftbgpd",) + PEERS:
            wall = figures.values.get((scenario, kind, "fill wall"))
            peak = [value / MEBI for value in figures.values.get((scenario, kind, "fill peak"), [])]
            if wall:
                lines.append(line([scenario, title(kind), cell(wall), cell(peak)]))
    return lines


def growth(figures):
    """The values for each number of hosts, by kind."""
    found = {}
    for count in GROWTH + (1_000_000,):
        scenario = "hash 1M" if count == 1_000_000 else f"growth {count}"
        for kind in COLUMNS:
            values = figures.values.get((scenario, kind, "fill cpu"))
            if values:
                found.setdefault(kind, {})[count] = values
    return found


def growth_table(figures):
    found = growth(figures)
    kinds = [kind for kind in COLUMNS if kind in found]
    lines = [line(["hosts"] + [title(kind) for kind in kinds]), "|---" * (1 + len(kinds)) + "|"]
    for count in GROWTH + (1_000_000,):
        lines.append(line([f"{count:,}"] + [cell(found[kind].get(count, [])) for kind in kinds]))
    return lines


HOW = """\
Every measurement has a network namespace, processes and a control group of its own; rounds go around all daemons, so
that each round has all of them under the same conditions. A cell is the median with the range of its rounds, and with
the number of rounds in square brackets where it is not {rounds}. CPU is the user and system time of the daemon, its
children and its clients together (`cpu.stat` of the group), from the first octet of the announcement to idle; what
kernel threads do afterwards is in no column. Before each, memory is touched and given back, since the host of a virtual
machine may have to find it first. Every round checks that all announced hosts can be found in the sets, and that the
lists have as many rows.

- The feed: random public /32s, 800 an UPDATE, 20 sets of attributes, 18 of them with 65066:666 and 2 with 65066:42; in
  the worst case one host an UPDATE and other attributes for each 10 hosts. It is sent by a program that has nothing to
  do but to send.
- Floor: the kernel's part alone. The same elements, as netlink octets that are ready, in one transaction by one `send`,
  and removed the same way; for interval sets ascending, which is cheaper. It has no BGP in it.
- BIRD, OpenBGPD, FRR and GoBGP fill the sets as a cron job would: show, awk, `flush set` and `add element` through one
  `nft -f -` for both tables, started at the moment when the daemon has learnt all; the wait for cron comes on top.
  ExaBGP hands its JSON to a process that collects changes while more come and gives them to `nft -f -`. Their lists for
  spamd-setup are show and awk. GoBGP cannot select by community: what it shows goes through grep.
- The sets are declared beforehand for everybody: hash sets with a `size`, interval sets with `flags interval`. nftbgpd
  runs with `snapshot no` but in rows 8 and 12, and with `shrink-limit no`, since row 11 withdraws everything.
- Memory is PSS; its peak is the sum of the daemon's processes' peaks and that of the largest process of the script.
- Row 9 is measured by a client that asks the kernel for the element without a pause, and gives way to all others."""


def report(figures, rounds, machine, form):
    lines = ["# Benchmarks", "", f"Made by `Tools/bench{form}`, {machine['date']}.", ""]
    lines += [f"- {key}: {value}" for key, value in machine.items() if key != "date"]
    lines += ["", HOW.format(rounds=rounds), "", "## Rows and targets", ""]
    lines += main_table(figures, rounds)
    reasons = missed(figures)
    if reasons:
        lines += ["", "## Targets that were missed, and why", ""] + reasons
    lines += ["", "## Time and memory until the sets are filled", ""] + side_table(figures)
    if not form:
        lines += ["", "## Growth: CPU until all hosts are in hash sets, s", "", "![growth](bench-growth.svg)", ""]
        lines += growth_table(figures)
    if figures.failures:
        lines += ["", "## Not measured", ""]
        lines += [f"- {scenario}, {title(kind)}: {why}" for (scenario, kind), why in sorted(figures.failures.items())]
    return "\n".join(lines) + "\n"
