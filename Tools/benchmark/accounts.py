"""What processes cost, as the kernel has accounted it.

Each measurement has a control group (version 2) of its own, so that no child is forgotten.
"""
import os
import re
import signal
import subprocess
import sys
import time


def mount():
    with open("/proc/mounts", encoding="utf-8") as file:
        for line in file:
            if line.split()[2] == "cgroup2":
                return line.split()[1]
    raise SystemExit("bench: no cgroup2 file system is mounted, the processor time comes from there")


def contents(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


PARENT = """\
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdout=2).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


class Group:
    """A daemon with all that it starts, and the clients that are counted with it."""

    QUIET = 0.4

    def __init__(self):
        # It is idle when it has used less than this, in seconds, within the last QUIET seconds.
        self.little = 0.002
        self.path = os.path.join(mount(), f"nftbgpd-bench-{os.getpid()}")
        os.mkdir(self.path)

    def inside(self, words):
        return ["sh", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"', self.path] + words

    def spawn(self, words, **options):
        """Starts a program in the group."""
        return subprocess.Popen(self.inside(words), **options)

    def run(self, words):
        """Runs a program to its end; returns the most memory that it or one of its children had, in octets."""
        # By a small parent, outside of the group: the peak of a process begins with that of who has started it.
        parent = [sys.executable, "-S", "-c", PARENT] + self.inside(words)
        finished = subprocess.run(parent, stdout=subprocess.PIPE, text=True, check=False)
        if finished.returncode != 0:
            raise RuntimeError(f"{words} ended with {finished.returncode}")
        return int(finished.stdout) * 1024

    @property
    def cpu(self):
        """Seconds on the processor so far, in user space and in the kernel, of all that is or was in the group."""
        return int(re.search(r"usage_usec (\d+)", contents(f"{self.path}/cpu.stat"))[1]) / 1e6

    def settle(self, patience=120):
        """Waits until the group has nothing more to do; returns when it last had, by time.monotonic()."""
        deadline = time.monotonic() + patience
        history = [(time.monotonic(), self.cpu)]
        while True:
            time.sleep(0.02)
            now, cpu = time.monotonic(), self.cpu
            history.append((now, cpu))
            while now - history[0][0] > self.QUIET:
                if cpu - history.pop(0)[1] < self.little:
                    return next(when for when, used in history if cpu - used < self.little)
            if now > deadline:
                raise TimeoutError(f"busy for more than {patience} s")

    @property
    def pids(self):
        return contents(f"{self.path}/cgroup.procs").split()

    @property
    def resident(self):
        """Octets in memory, where what processes share is counted once."""
        return 1024 * sum(self.number("smaps_rollup", "Pss", pid) for pid in self.pids)

    @property
    def peak(self):
        """The sum of the most octets that each process that still runs has had in memory."""
        return 1024 * sum(self.number("status", "VmHWM", pid) for pid in self.pids)

    @property
    def wake_ups(self):
        """How often a thread of a process that still runs has gone to sleep by itself."""
        return sum(
            self.number("status", "voluntary_ctxt_switches", f"{pid}/task/{task}")
            for pid in self.pids for task in os.listdir(f"/proc/{pid}/task"))

    @staticmethod
    def number(file, key, task):
        found = re.search(rf"^{key}:\s+(\d+)", contents(f"/proc/{task}/{file}"), re.MULTILINE)
        return int(found[1]) if found else 0

    def end(self):
        """Ends what is left in the group, and the group."""
        for pid in self.pids:
            try:
                os.kill(int(pid), signal.SIGTERM)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + 5
        while self.pids and time.monotonic() < deadline:
            self.reap()
            time.sleep(0.02)
        with open(f"{self.path}/cgroup.kill", "w", encoding="utf-8") as file:
            file.write("1")
        # Whose parent is gone is for init to bury.
        for _ in range(100):
            self.reap()
            try:
                return os.rmdir(self.path)
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"processes {self.pids} do not end")

    @staticmethod
    def reap():
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
