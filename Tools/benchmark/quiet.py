"""Whether the machine is as quiet as measurements need it."""
import os
import time

from benchmark.accounts import contents

NETLINK_NETFILTER, EVENTS_OF_TABLES = "12", 1 << 6  # NFNLGRP_NFTABLES is group 7


def listeners(but=None):
    """Programs that listen to what happens in nf_tables, in any network namespace but that of one process.

    The kernel notes listeners for all namespaces together: a single one, wherever it is, makes it build a message about
    each element that anybody loads, which takes several times as long as to load it.
    """
    found, seen = [], set()
    if but is not None:
        try:
            seen.add(os.readlink(f"/proc/{but}/ns/net"))
        except OSError:
            pass  # it has ended, and its namespace with it
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            namespace = os.readlink(f"/proc/{pid}/ns/net")
            if namespace in seen:
                continue
            seen.add(namespace)
            for line in contents(f"/proc/{pid}/net/netlink").split("\n")[1:]:
                words = line.split()
                if len(words) > 3 and words[1] == NETLINK_NETFILTER and int(words[3], 16) & EVENTS_OF_TABLES:
                    found.append(f"port {words[2]} in {namespace}")
        except OSError:
            continue  # it has ended meanwhile
    return found


def wait(patience):
    """Waits until nobody listens, or patience ends."""
    deadline = time.monotonic() + patience
    while listeners() and time.monotonic() < deadline:
        time.sleep(0.2)


def processor_times():
    """Of the whole machine since it has started: all, idle and stolen by other machines, in ticks."""
    numbers = [int(word) for word in contents("/proc/stat").split("\n")[0].split()[1:9]]
    return sum(numbers), numbers[3] + numbers[4], numbers[7]
