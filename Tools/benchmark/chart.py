"""Growth as a chart: both axes logarithmic, a line for each daemon, a bar for the range of its rounds."""
import math
import statistics

COLOURS = {
    "nftbgpd": "#d55e00", "floor": "#555555", "bird": "#0072b2", "openbgpd": "#009e73", "frr": "#cc79a7",
    "gobgp": "#e69f00", "exabgp": "#56b4e9",
}
WIDTH, HEIGHT = 860, 520
LEFT, RIGHT, TOP, BOTTOM = 70, 130, 50, 50


def chart(found, title):
    """`found`: the values for each number of hosts, by kind; `title`: the name of a kind."""
    counts = sorted({count for values in found.values() for count in values})
    everything = [value for values in found.values() for rounds in values.values() for value in rounds]
    lowest, highest = math.floor(math.log10(min(everything))), math.ceil(math.log10(max(everything)))

    def x(count):
        share = math.log(count / counts[0]) / math.log(counts[-1] / counts[0])
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(value):
        return HEIGHT - BOTTOM - (math.log10(value) - lowest) / (highest - lowest) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="16">CPU seconds until all hosts are in the kernel\'s hash sets</text>',
    ]
    for power in range(lowest, highest + 1):
        height = y(10 ** power)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height:.1f}" y2="{height:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{height + 4:.1f}" text-anchor="end">{10 ** power:g}</text>')
    for count in counts:
        parts.append(f'<text x="{x(count):.1f}" y="{HEIGHT - BOTTOM + 22}" text-anchor="middle">{count:,}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">hosts announced</text>')
    ends = []
    for kind, values in found.items():
        points = [(x(count), y(statistics.median(rounds)), rounds) for count, rounds in sorted(values.items())]
        path = " ".join(f"{across:.1f},{height:.1f}" for across, height, _ in points)
        colour, dashes = COLOURS[kind], ' stroke-dasharray="5 4"' if kind == "floor" else ""
        width = 3 if kind == "nftbgpd" else 1.6
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>')
        for across, height, rounds in points:
            parts.append(f'<circle cx="{across:.1f}" cy="{height:.1f}" r="3" fill="{colour}"/>')
            parts.append(f'<line x1="{across:.1f}" x2="{across:.1f}" y1="{y(min(rounds)):.1f}" '
                         f'y2="{y(max(rounds)):.1f}" stroke="{colour}"/>')
        ends.append((points[-1][1], points[-1][0], kind))
    place = 0
    for height, across, kind in sorted(ends):
        place = max(height + 4, place + 15)  # names do not stand on each other
        parts.append(f'<text x="{across + 10:.1f}" y="{place:.1f}" fill="{COLOURS[kind]}">{title(kind)}</text>')
    return "\n".join(parts + ["</svg>"]) + "\n"
