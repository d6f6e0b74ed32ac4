"""Runs the plan and writes the report; Tools/bench says how it is called."""
import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time

from benchmark.accounts import contents, mount
from benchmark.chart import chart
from benchmark.feed import Feed
from benchmark.plan import long_form, quick_form
from benchmark.receivers import RECEIVERS, VERSIONS, product_version, version
from benchmark.report import growth, report, title
from benchmark.quiet import listeners, processor_times, wait
from benchmark.rows import Figures

# How often a measurement is tried that another program disturbs.
ATTEMPTS = 2
TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=TOOLS).stdout.strip()


def machine(products):
    processor = re.search(r"model name\s*: (.*)", contents("/proc/cpuinfo"))
    memory = int(re.search(r"MemTotal:\s+(\d+)", contents("/proc/meminfo"))[1]) / (1 << 20)
    system = re.search(r'PRETTY_NAME="(.*)"', contents("/etc/os-release"))
    found = {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} × {processor[1] if processor else '?'}, {memory:.0f} GiB",
        "system": f"{system[1] if system else '?'}, Linux {platform.release()}, "
                  + output("nft", "--version").split(" (")[0],
        "nftbgpd": f"{product_version(products)}, revision {output('git', 'describe', '--always', '--dirty')}, "
                   + output("swift", "--version").split("\n")[0].split(" (")[0],
    }
    found["peers"] = ", ".join(f"{RECEIVERS[name].title} {version(name) or 'not installed'}" for name in VERSIONS)
    found["load at the start"] = contents("/proc/loadavg").split()[0]
    return found


def measure(spec, patience):
    """One measurement in a process and a network namespace of its own.

    Returns its figures, or why there are none; and whether another program listened to nf_tables meanwhile.
    """
    wait(patience=5)
    is_disturbed = False
    deadline = time.monotonic() + patience
    words = ["unshare", "--net", sys.executable, "-m", "benchmark.one", json.dumps(spec)]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(words, cwd=TOOLS, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            while True:
                try:
                    text, _ = process.communicate(timeout=0.5)
                    break
                except subprocess.TimeoutExpired:
                    is_disturbed = is_disturbed or bool(listeners(but=process.pid))
                if time.monotonic() > deadline:
                    return None, f"not within {patience} s", is_disturbed
            if process.returncode != 0:
                errors.seek(0)
                return None, (errors.read().strip().split("\n") or ["?"])[-1][:200], is_disturbed
            return json.loads(text), None, is_disturbed
        finally:
            process.kill()
            process.wait()
            clear(process.pid)


def clear(pid):
    """Ends what a measurement has left behind."""
    path = os.path.join(mount(), f"nftbgpd-bench-{pid}")
    if not os.path.isdir(path):
        return
    with open(f"{path}/cgroup.kill", "w", encoding="utf-8") as file:
        file.write("1")
    for _ in range(100):
        try:
            return os.rmdir(path)
        except OSError:
            time.sleep(0.05)


def run(scenarios, rounds, products, directory, limit):
    figures, start = Figures(), time.monotonic()
    feeds = os.path.join(directory, "feeds")
    os.makedirs(feeds)
    for count, shape in {(scenario.spec["count"], scenario.spec.get("shape", "packed")) for scenario in scenarios}:
        Feed(feeds, count, shape).build()
    for turn in range(rounds):
        for scenario in scenarios:
            for kind in scenario.kinds:
                if turn >= scenario.rounds.get(kind, rounds) or (scenario.name, kind) in figures.failures:
                    continue
                if kind in VERSIONS and version(kind) is None:
                    figures.fail(scenario.name, kind, "not installed")
                    continue
                if time.monotonic() - start > limit:
                    return figures
                for _ in range(ATTEMPTS):
                    place = tempfile.mkdtemp(dir=directory)
                    spec = scenario.spec | {"kind": kind, "products": products, "feeds": feeds, "directory": place}
                    found, problem, is_disturbed = measure(spec, scenario.patience)
                    if not is_disturbed:
                        break
                figures.measurements += 1
                figures.disturbed += is_disturbed
                if found:
                    figures.add(scenario.name, kind, found)
                else:
                    figures.fail(scenario.name, kind, problem)
                words = problem or ", ".join(f"{name} {value:.4g}" for name, value in found.items())
                remark = " (disturbed)" if is_disturbed else ""
                print(f"{time.monotonic() - start:6.0f} s  {turn + 1}  {scenario.name}, {kind}{remark}: {words}",
                      file=sys.stderr, flush=True)
    return figures


def main():
    parser = argparse.ArgumentParser(prog="Tools/bench", description="Measures nftbgpd and its peers side by side.")
    parser.add_argument("--quick", action="store_true", help="fewer rows and rounds, in less than three minutes")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", help="names of scenarios, with commas between them")
    parser.add_argument("--kinds", help="names of daemons, likewise")
    parser.add_argument("--limit", type=int, help="seconds after which no measurement begins")
    parser.add_argument("--results", help="where the table goes; a quick form's goes to standard output otherwise")
    parser.add_argument("--chart", help="where the chart goes")
    parser.add_argument("--products", required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    scenarios = quick_form() if arguments.quick else long_form()
    if arguments.only:
        scenarios = [scenario for scenario in scenarios if scenario.name in arguments.only.split(",")]
    if arguments.kinds:
        for scenario in scenarios:
            scenario.kinds = tuple(kind for kind in scenario.kinds if kind in arguments.kinds.split(","))
    rounds = arguments.rounds or (1 if arguments.quick else 5)
    limit = arguments.limit or (150 if arguments.quick else 2300)
    about = machine(arguments.products)
    before = processor_times()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        os.chmod(directory, 0o755)  # daemons that give up root read their files there
        figures = run(scenarios, rounds, arguments.products, directory, limit)
    elapsed, _, stolen = (after - start for after, start in zip(processor_times(), before))
    about["disturbance"] = (
        f"{100 * stolen / elapsed:.1f} % of the time the host gave to other machines; during {figures.disturbed} of "
        f"{figures.measurements} measurements another program listened to nf_tables, which is several times slower then")
    form = " --quick" if arguments.quick else ""
    text = report(figures, rounds, about, form)
    results = arguments.results or (None if arguments.quick else os.path.join(TOOLS, "bench-results.md"))
    if results:
        with open(results, "w", encoding="utf-8") as file:
            file.write(text)
    else:
        sys.stdout.write(text)
    picture = arguments.chart or (None if arguments.quick else os.path.join(TOOLS, "bench-growth.svg"))
    found = growth(figures)
    if picture and any(len(values) > 1 for values in found.values()):
        with open(picture, "w", encoding="utf-8") as file:
            file.write(chart(found, title))


main()
