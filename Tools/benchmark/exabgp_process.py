"""What a user of ExaBGP would write: takes its JSON from standard input and keeps two sets by nft(8).

Changes are collected while more come, since an nft of its own for each UPDATE takes minutes for what is measured here.
"""
import json
import os
import select
import subprocess
import sys

TABLES = {(65066, 666): "black", (65066, 42): "bypass"}
where, lines = {}, []


def table_of(attributes):
    found = None
    for community in attributes.get("community", []):
        found = TABLES.get(tuple(community)) or found
    return found


def take(change):
    update = change.get("neighbor", {}).get("message", {}).get("update", {})
    table = table_of(update.get("attribute", {}))
    commands = {}
    for entry in update.get("withdraw", {}).get("ipv4 unicast", []):
        host = entry["nlri"].removesuffix("/32")
        if old := where.pop(host, None):
            commands.setdefault(("delete", old), []).append(host)
    for entries in update.get("announce", {}).get("ipv4 unicast", {}).values():
        for entry in entries:
            host = entry["nlri"].removesuffix("/32")
            if table and where.get(host) != table:
                where[host] = table
                commands.setdefault(("add", table), []).append(host)
    for (verb, name), hosts in commands.items():
        lines.append(f"{verb} element inet bench {name} {{{','.join(hosts)}}}\n")


def main():
    rest = b""
    while True:
        patience = 0.2 if lines else None
        if select.select([0], [], [], patience)[0]:
            octets = os.read(0, 1 << 20)
            if not octets:
                sys.exit()
            *complete, rest = (rest + octets).split(b"\n")
            for line in complete:
                take(json.loads(line))
        else:
            subprocess.run(["nft", "-f", "-"], input="".join(lines), text=True, check=False)
            lines.clear()


main()
