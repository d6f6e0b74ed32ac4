"""From what a daemon shows to the words of the table."""
import collections
import ipaddress
import re
import socket
import struct

from comparison.receivers import NAMES, NFTBGPD, text_of
from comparison.table import BARRIER, EARLIER, VICTIMS

KNOWN = set(NAMES.values()) | {14, 15}


def instances(data):
    """The values of each attribute in the list, as far as it can be read; and which are transitive."""
    found, transitive, place = collections.defaultdict(list), set(), 0
    while len(data) - place >= 3:
        flags, code = data[place], data[place + 1]
        wide = bool(flags & 0x10)
        if wide and len(data) - place < 4:
            break
        length = struct.unpack("!H", data[place + 2:place + 4])[0] if wide else data[place + 2]
        place += 4 if wide else 3
        found[code].append(data[place:place + length])
        if flags & 0x40:
            transitive.add(code)
        place += length
    return found, transitive


def shown_as(code, value, width):
    """How a daemon shows an attribute; None where that cannot be said."""
    number = {2: "!H", 4: "!I"}[width]
    words = [struct.unpack("!I", value[place:place + 4])[0] for place in range(0, len(value) - 3, 4)]
    if code == 1 and len(value) == 1:
        return {0: "igp", 1: "egp", 2: "incomplete"}.get(value[0])
    if code == 2 and len(value) == 2 + width and value[:2] == b"\x02\x01":
        return str(struct.unpack(number, value[2:])[0])
    if code in (3, 9) and len(value) == 4:
        return socket.inet_ntoa(value)
    if code in (4, 5, 35) and len(value) == 4:
        return str(words[0])
    if code == 6 and not value:
        return ""
    if code == 7 and len(value) == 4 + width:
        return f"{struct.unpack(number, value[:width])[0]} {socket.inet_ntoa(value[width:])}"
    if code == 8 and value and len(value) % 4 == 0:
        return text_of({f"{word >> 16}:{word & 65535}" for word in words})
    if code == 10 and value and len(value) % 4 == 0:
        return " ".join(str(ipaddress.ip_address(word)) for word in words)
    if code == 16 and len(value) == 8 and value[:2] == b"\x00\x02":
        return f"rt {words[0] & 65535}:{words[1]}"
    if code == 32 and value and len(value) % 12 == 0:
        return text_of({":".join(map(str, words[place:place + 3])) for place in range(0, len(words), 3)})
    return value.hex() if code not in KNOWN else None


def compare_attributes(row, shown, receiver):
    """In the words of the table, what has become of the attributes of a route that stands."""
    words = receiver.remarks(row)
    found, transitive = instances(row.attributes)
    for code, values in found.items():
        unknown = code not in KNOWN
        if code in receiver.hidden | {14, 15} or unknown and (not receiver.shows_unknown or code not in transitive):
            continue
        if code == 3 and not row.announced & {"4"} or code == 2 and 17 in found or code == 3 and 14 in found:
            continue
        wanted = [shown_as(code, value, row.width) for value in values]
        if code not in shown:
            words.add(f"discard {code}")
        elif len(set(values)) > 1:
            first, last = shown[code] == wanted[0], shown[code] == wanted[-1]
            words.add(f"{'first' if first else 'last' if last else 'changed'} {code}")
        elif wanted[0] is not None and shown[code] != wanted[0] and len(values[0]) < 100:
            words.add(f"changed {code}")
    return " ".join(sorted(words, key=lambda word: (word.split()[0], int(word.split()[1])))) or "accept"


def judge(row, session, routes, receiver):
    if not session.fits:
        return None
    if session.notification:
        return "reset %d/%d" % session.notification
    if session.is_closed:
        return "closed"
    if lost := [family for family, prefix in BARRIER.items() if prefix not in routes]:
        return "disable" if len(lost) == 1 else "stuck"
    states = {}
    for family, prefix in VICTIMS.items():
        if prefix not in routes:
            states[family] = "gone"
        else:
            states[family] = "old" if routes[prefix].get(8) == EARLIER else "new"
    for family, state in states.items():
        if family in row.withdrawn and state != "gone":
            return f"ignored: IPv{family} route not withdrawn"
        if family not in row.announced | row.withdrawn and state != "old":
            return f"{state}: IPv{family} route without cause"
    outcome = {states[family] for family in row.announced}
    if outcome == {"gone"}:
        return "withdraw"
    if outcome == {"new"}:
        family = max(row.announced)
        return compare_attributes(row, routes[VICTIMS[family]], receiver)
    if outcome:
        return "ignored" if outcome == {"old"} else "in part: " + ", ".join(f"IPv{f} {states[f]}" for f in sorted(row.announced))
    return " ".join(sorted(receiver.remarks(row))) or "accept"


def agrees(row, seen, receiver):
    """Whether the reaction is one of those that are right, as far as the daemon lets it be seen."""
    def visible(reaction):
        pairs = re.findall(r"(\w+) (\d+)", reaction) if re.match("discard|first", reaction) else None
        if pairs is None:
            return reaction
        kept = [f"{word} {code}" for word, code in pairs if not hidden(word, int(code))]
        return " ".join(kept) or "accept"

    def hidden(word, code):
        if not row.announced:
            return True
        values = instances(row.attributes)[0][code]
        return code in receiver.hidden or code not in KNOWN and word == "discard" or word == "first" and len(set(values)) < 2

    if isinstance(receiver, NFTBGPD):
        return seen == row.reactions[0]  # it has made its choice, and shows all of it
    return seen in row.reactions or seen in map(visible, row.reactions)
