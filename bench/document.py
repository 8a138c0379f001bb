"""Tables and the plot of docs/performance.md, from the figures that bench/run keeps as JSON.

The document's prose is written by hand; what is between `<!-- bench: NAME -->` and `<!-- end -->` is made here.
"""
import re
from xml.sax.saxutils import escape

from measure import CASES, DEPTH

KINDS = {"am": "AM", "eam": "eAM", "uam": "uAM"}


# What runs beside ours in the same rounds: without tiles of bf16; in cells of uAM, AM; in cells of two threads, one.
PLAIN, AM, ONE_THREAD = "ours, plain", "ours, am", "ours, one thread"


def series(cell, program):
    return next((s for s in cell["series"] if s["program"] == program), None)


def ours(cell):
    return series(cell, "ours")


def plain(cell):
    return series(cell, PLAIN)


def peers(cell):
    """The series of the peers, whose variants have names of their own."""
    return [s for s in cell["series"] if s["variant"] != "ours"]


def best_peer(cell):
    """The fastest variant of all peers that went through all rounds, or None."""
    rivals = [s for s in peers(cell) if not s["dropped"]]
    return min(rivals, key=lambda s: s["ms"]["median"], default=None)


def ratio(cell, of=ours):
    """How many times faster than the best peer."""
    rival = best_peer(cell)
    return rival["ms"]["median"] / of(cell)["ms"]["median"] if rival else None


def ratio_text(cell, of=ours):
    """In brackets where either side was disturbed too often."""
    text, rival = times(ratio(cell, of)), best_peer(cell)
    return text if rival is None or (rival["trusted"] and of(cell)["trusted"]) else f"({text})"


def share(cell, series, figure="median"):
    """Of the FMA peak; None where that is unknown."""
    peak = cell["peak"]["median"]
    return 1e3 * cell["gflop"] / series["ms"][figure] / peak if peak else None


def number(x):
    """Three digits."""
    return f"{x:,.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def ranged(f):
    return f"{number(f['median'])} ({number(f['low'])}–{number(f['high'])})"


def percent(x):
    return "–" if x is None else f"{100 * x:.0f} %"


def times(x):
    return "–" if x is None else f"{x:.2f} ×"


def sizes(case):
    d, width, batch, _, _ = CASES[case]
    return f"{d}, {width} × {DEPTH}, {batch:,}"


def table(head, rows):
    """Columns of words to the left, of figures to the right: those whose head begins with `>`."""
    if not rows:
        return "Not measured in this run."
    lines = ["| " + " | ".join(h.lstrip(">") for h in head) + " |",
             "| " + " | ".join("---:" if h.startswith(">") else "---" for h in head) + " |"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def figures_row(cell):
    rival = best_peer(cell)
    return [str(cell["threads"]), f"{ranged(rival['ms'])} {rival['variant']}" if rival else "–", ranged(ours(cell)["ms"]),
            ratio_text(cell), percent(share(cell, ours(cell))), ranged(plain(cell)["ms"]), ratio_text(cell, plain),
            percent(share(cell, plain(cell))),
            percent(share(cell, rival)) if rival else "–"]


FIGURES = [">threads", ">best peer, ms", ">amc, ms", ">ratio", ">share of peak", ">plain products, ms", ">ratio",
           ">share of peak", ">the peer's"]


def steps_table(results, kind):
    rows = [[c["case"], sizes(c["case"])] + figures_row(c) for c in results["cells"]
            if (c["what"], c["kind"]) == ("train", kind)]
    return table(["case", "d, width, batch"] + FIGURES, rows)


def sampling_table(results):
    rows = [[c["case"], f"{CASES[c['case']][3]:,}"] + figures_row(c) for c in results["cells"] if c["what"] == "sample"]
    return table(["case", ">particles"] + FIGURES, rows)


def find(results, kind, case, threads, what="train"):
    return next((c for c in results["cells"] if (c["what"], c["kind"], c["case"], c["threads"]) == (what, kind, case, threads)),
                None)


def quotient(a, b, figure="median"):
    """How many times longer the first series takes than the second."""
    return f"{a['ms'][figure] / b['ms'][figure]:.2f}" if a and b else "–"


def threads_table(results):
    """Ours in one cell, in turn; the peer's from two."""
    rows = []
    for kind in KINDS:
        for case in CASES:
            one, two = find(results, kind, case, 1), find(results, kind, case, 2)
            if one and two:
                beside = series(two, ONE_THREAD)
                rows.append([KINDS[kind], case, quotient(beside, ours(two)), quotient(beside, ours(two), "low"),
                             quotient(best_peer(one), best_peer(two))])
    return table(["", "case", ">amc, times faster on two threads", ">quickest blocks", ">best peer"], rows)


def unbalanced_table(results):
    """Ours in one cell, in turn; the peer's from two."""
    rows = []
    for case in CASES:
        am, uam = find(results, "am", case, 1), find(results, "uam", case, 1)
        beside = uam and series(uam, AM)
        if beside:
            rows.append([case, quotient(ours(uam), beside), quotient(best_peer(uam), am and best_peer(am))])
    return table(["case", ">amc, uAM over AM", ">best peer"], rows)


def start_table(results):
    return table(["", ">seconds"], [[s["name"], ranged(s["seconds"])] for s in results["starts"]])


def memory_table(results):
    programs = list(dict.fromkeys(name for row in results["memory"] for name in row["rss_mb"]))
    rows = [[row["case"]] + [f"{row['rss_mb'][p]:,.0f}" if p in row["rss_mb"] else "–" for p in programs]
            for row in results["memory"]]
    return table(["case"] + [f">{p}, MB" for p in programs], rows)


def instructions_table(results):
    rows = []
    for c in results["instructions"]:
        batch = CASES[c["case"]][2]
        rows.append([c["case"], KINDS[c["kind"]], f"{c['instructions'] / batch:,.0f}",
                     f"{1e9 * c['gflop'] / c['instructions']:.2f}"])
    return table(["case", "", ">instructions a sample", ">flop an instruction"], rows)


def variants_table(results):
    """Every variant of every peer; in brackets those that were left after two rounds."""
    rows = []
    for c in results["cells"]:
        rivals = sorted(peers(c), key=lambda s: s["ms"]["median"])
        if rivals:
            words = [f"{s['variant']} {number(s['ms']['median'])}" for s in rivals]
            words = [f"({w})" if s["dropped"] else w for w, s in zip(words, rivals)]
            failed = [f"{name}: failed" for name in c["errors"]]
            rows.append([f"{'sampling' if c['what'] == 'sample' else KINDS[c['kind']]} {c['case']}", str(c["threads"]),
                         ", ".join(words + failed)])
    return table(["", ">threads", "ms, from the fastest"], rows)


def machine_lines(results):
    m, a = results["machine"], results["ours"]
    peers = [f"{p['name']}, digest of its program {p['digest'][:12]}" for p in results["peers"]]
    one = [c["peak"]["median"] for c in results["cells"] if c["threads"] == 1 and c["peak"]["median"]]
    two = [c["peak"]["median"] for c in results["cells"] if c["threads"] == 2 and c["peak"]["median"]]
    blocks = sum(s["blocks"] for c in results["cells"] for s in c["series"])
    disturbed = sum(s["disturbed"] for c in results["cells"] for s in c["series"])
    idle = max((s["idle"] for c in results["cells"] for s in c["series"]), default=0)
    lines = [f"- {results['date']}, {m['cpu']}, {m['cores']} cores, {m['memory_gb']} GB, Linux {m['kernel']}.",
             f"- amc {a['version']} ({a['commit']}), code for {a['cpu']}, vectors of {a['vector_bytes']} bytes.",
             "- Peers: " + ("; ".join(peers) if peers else "none was installed, or none was named") + "."]
    if one:
        lines.append(f"- FMA peak in f32, medians of the cells: {min(one):.0f}–{max(one):.0f} GFLOP/s on one thread"
                     + (f", {min(two):.0f}–{max(two):.0f} on two." if two else "."))
    lines.append(f"- {results['rounds']} rounds of blocks of {results['seconds']} s; {disturbed} of {blocks} blocks were disturbed "
                 f"by other programs. Between its blocks no program took more than {percent(idle)} of a core.")
    return "\n".join(lines)


BLOCKS = {
    "machine": machine_lines,
    "am": lambda r: steps_table(r, "am"),
    "eam": lambda r: steps_table(r, "eam"),
    "uam": lambda r: steps_table(r, "uam"),
    "uam over am": unbalanced_table,
    "threads": threads_table,
    "sampling": sampling_table,
    "start": start_table,
    "memory": memory_table,
    "instructions": instructions_table,
    "variants": variants_table,
}

MARKED = re.compile(r"(<!-- bench: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


class Unfit(Exception):
    """A document that the figures cannot be put into."""


def fill(text, results):
    """The document with the present figures between its marks."""
    names = [match[2] for match in MARKED.finditer(text)]
    for name in set(names) | set(BLOCKS):
        if names.count(name) != 1 or name not in BLOCKS:
            raise Unfit(f"`<!-- bench: {name} -->` stands {names.count(name)} times in the document"
                        + ("" if name in BLOCKS else ", and no table has this name"))
    return MARKED.sub(lambda m: m[1] + BLOCKS[m[2]](results) + "\n" + m[3], text)


def summary(results):
    """All tables that have rows, for a terminal."""
    made = ((name, make(results)) for name, make in BLOCKS.items())
    return "\n\n".join(f"## {name}\n\n{text}" for name, text in made if not text.startswith("Not measured"))


# ---- The plot

WIDTH, LEFT, SPAN, TOP, ROW, BAR = 920, 190, 500, 76, 46, 11
# The last mark of the axis, in shares of the peak, and where bars end that would be longer still.
AXIS, MOST = 1.5, 1.6
OURS, OURS_PLAIN, PEER, INK, PALE = "#1f6fb4", "#8fbce6", "#b3b3b3", "#222222", "#dddddd"


def bar(cell, series, y, color):
    """A bar to the median and a line over the range."""
    x = [LEFT + SPAN * min(share(cell, series, f), MOST) / AXIS for f in ("high", "median", "low")]
    return (f'<rect x="{LEFT}" y="{y}" width="{x[1] - LEFT:.1f}" height="{BAR}" fill="{color}"/>'
            f'<line x1="{x[0]:.1f}" x2="{x[2]:.1f}" y1="{y + BAR / 2}" y2="{y + BAR / 2}" stroke="{INK}"/>')


def label(x, y, text, anchor="start", size=13, color=INK):
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{color}">{escape(text)}</text>'


def plot(results):
    """Shares of the FMA peak as bars: ours, with plain products, the best peer's; and how many times faster ours is."""
    rows = [c for c in results["cells"] if c["peak"]["median"]]
    height = TOP + ROW * len(rows) + 34
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
           'font-family="sans-serif">', f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
           label(LEFT, 24, "Share of the FMA peak that was measured beside it", size=15),
           f'<rect x="{LEFT}" y="38" width="12" height="12" fill="{OURS}"/>', label(LEFT + 18, 49, "amc"),
           f'<rect x="{LEFT + 70}" y="38" width="12" height="12" fill="{OURS_PLAIN}"/>',
           label(LEFT + 88, 49, "amc, plain products"),
           f'<rect x="{LEFT + 225}" y="38" width="12" height="12" fill="{PEER}"/>',
           label(LEFT + 243, 49, "the best variant of " + (" and ".join(p["name"] for p in results["peers"]) or "no peer")),
           label(LEFT + SPAN + 110, 68, "amc, ms", "end", 12), label(WIDTH - 20, 68, "times faster", "end", 12)]
    for mark in (0, 25, 50, 75, 100, 125, 150):
        x = LEFT + SPAN * mark / 100 / AXIS
        out.append(f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{height - 30}" stroke="{PALE}"/>')
        out.append(label(x, height - 12, f"{mark} %", "middle", 12))
    for k, cell in enumerate(rows):
        y = TOP + ROW * k + 4
        what = "sampling" if cell["what"] == "sample" else KINDS[cell["kind"]]
        threads = "1 thread" if cell["threads"] == 1 else f"{cell['threads']} threads"
        out.append(label(LEFT - 12, y + 21, f"{what} {cell['case']}, {threads}", "end"))
        out.append(bar(cell, ours(cell), y, OURS))
        out.append(bar(cell, plain(cell), y + BAR + 1, OURS_PLAIN))
        if best_peer(cell):
            out.append(bar(cell, best_peer(cell), y + 2 * (BAR + 1), PEER))
            out.append(label(WIDTH - 20, y + 21, ratio_text(cell), "end"))
        out.append(label(LEFT + SPAN + 110, y + 21, number(ours(cell)["ms"]["median"]), "end"))
    return "\n".join(out + ["</svg>"]) + "\n"
