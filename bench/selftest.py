"""Checks of bench/run that need neither torch nor a quiet machine: the arithmetic, the protocol, the tables and the plot."""
import hashlib
import itertools
import json
import os
import sys
import xml.etree.ElementTree

import document
import measure

# A program of the protocol whose blocks all take the same: a variant for each argument, NAME=MS, or NAME=! for one that fails.
FAKE = """
import json, sys
speeds = dict(word.split("=") for word in sys.argv[1:])
for name, ms in speeds.items():
    print(json.dumps({"variant": name, "error": "no"} if ms == "!" else {"variant": name, "value": 0}), flush=True)
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    name = line.split()[0]
    block = {"calls": 10, "seconds": 0.01 * float(speeds.get(name, 1)), "cpu": 0, "idle_cpu": 0, "rss_mb": 1, "gflops": 200}
    print(json.dumps(block), flush=True)
"""


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def near(a, b, tolerance=1e-9):
    return abs(a - b) <= tolerance * abs(b)


def products(cell):
    """The matrix products of a cell one by one, [rows, inner, columns], for one sample: an independent count."""
    d, width, *_ = measure.CASES[cell.case]
    sizes = [d + 1] + [width] * measure.DEPTH + [d]
    layers = list(zip(sizes, sizes[1:]))
    forward = [(1, a, b) for a, b in layers]
    backward = [(1, b, a) for a, b in layers]
    outer = [(a, 1, b) for a, b in layers]
    if cell.what == "sample":
        return 100 * (forward + backward)
    boundary = 2 * (forward + backward[1:] + outer)
    if cell.kind != "eam":
        return boundary + forward + backward + forward + backward[1:] + 2 * outer
    carried = [(1, *layers[0])] + [(d + 3, a, b) for a, b in layers[1:]]
    # A product has two others in its gradient.
    return boundary + 3 * carried


def arithmetic():
    for cell in measure.cells() + measure.cells(quick=True):
        _, _, batch, particles, _ = measure.CASES[cell.case]
        flop = (particles if cell.what == "sample" else batch) * sum(2 * a * b * c for a, b, c in products(cell))
        assert near(cell.gflop(), flop / 1e9), cell
    # Steps of the published hydrogen setting in round numbers, so that an error in both counts would show.
    assert 4.7 < measure.Cell("train", "am", "hyd", 1).gflop() < 4.8
    assert measure.spread([3, 1, 2]) == {"median": 2, "low": 1, "high": 3}
    assert measure.alone(0.3, own=0.3, busy=0.305, threads=1, cores=2)
    assert measure.alone(0.3, own=0.3, busy=0.6, threads=1, cores=2)
    assert not measure.alone(0.3, own=0.2, busy=0.5, threads=1, cores=2)
    assert not measure.alone(0.3, own=0.3, busy=0.7, threads=1, cores=2)
    assert not measure.alone(0.3, own=0.5, busy=0.6, threads=2, cores=2)
    os.environ["OPENBLAS_CORETYPE"] = "any"
    assert "OPENBLAS_CORETYPE" not in measure.environment()


def fake(name, *variants):
    return measure.Program([sys.executable, "-c", FAKE, *variants], name).ready()


def played(rounds, busy):
    """A cell between programs of 2, 2.5, 1.9 and 3.2 ms a step and a peer with a faster, a slower and a broken variant, on a machine
    whose cores have been busy for so long as `busy` says each time."""
    ours = fake("ours", "ours=2")
    others = [fake(name, f"ours={ms}") for name, ms in ((document.PLAIN, 2.5), (document.AM, 1.9), (document.ONE_THREAD, 3.2))]
    peer = fake("torch", "quick=5", "hopeless=8", "broken=!")
    real, measure.machine_busy = measure.machine_busy, busy
    try:
        return measure.measure(measure.Cell("train", "am", "d5", 1), ours, others, [peer], rounds, 0.01)
    finally:
        measure.machine_busy = real
        for program in (ours, peer, *others):
            program.end()


def protocol():
    """The figures of a cell on a quiet machine, which is given back, and on a busy one."""
    cell = played(3, lambda: 0)
    assert cell["errors"] == {"torch broken": "no"}
    assert [s["program"] for s in cell["series"]] == ["ours", document.PLAIN, document.AM, document.ONE_THREAD, "torch", "torch"]
    assert document.ours(cell) is cell["series"][0] and document.plain(cell) is cell["series"][1]
    assert near(document.ratio(cell, document.plain), 2)
    by_name = {s["variant"]: s for s in cell["series"] if not s["program"].startswith("ours, ")}
    assert list(by_name) == ["ours", "quick", "hopeless"]
    assert by_name["hopeless"]["dropped"] and by_name["hopeless"]["blocks"] == 2 and not by_name["quick"]["dropped"]
    assert near(by_name["ours"]["ms"]["median"], 2) and near(document.ratio(cell), 2.5)
    assert document.ratio_text(cell) == "2.50 ×" and by_name["ours"]["blocks"] == 3
    ticks = itertools.count()
    disturbed = played(3, lambda: next(ticks))
    assert document.ratio_text(disturbed) == "(2.50 ×)"
    assert document.ours(disturbed)["disturbed"] == document.ours(disturbed)["blocks"] == 6
    # Two blocks of a variant that was left out are no figure, whatever they say.
    by_name["hopeless"]["ms"]["median"] = 1
    assert document.best_peer(cell) is by_name["quick"]
    by_name["hopeless"]["ms"]["median"] = 8
    assert near(document.share(cell, by_name["ours"]), cell["gflop"] / 2e-3 / 200)
    for command, said in (([sys.executable, "-c", "print('x')"], "said `x`"), (["/no/such/program"], "No such file"),
                          ([sys.executable, "-c", "raise SystemExit('why')"], "why")):
        try:
            measure.Program(command, "peer").ready()
            raise AssertionError(command)
        except measure.Failure as failure:
            assert said in str(failure), failure
    start = measure.first_step([sys.executable, "-c", FAKE, "quick=5"], 3)
    assert 0 < start["seconds"]["low"] <= start["seconds"]["median"] and start["rss_mb"] == 1
    short_lived = FAKE.split("for line")[0] + "raise SystemExit('gone')"
    dying = measure.Program([sys.executable, "-c", short_lived, "a=1"], "peer").ready()
    dying.process.wait()
    try:
        dying.block("a", 0.01)
        raise AssertionError("a program that is gone answered")
    except measure.Failure as failure:
        assert "gone" in str(failure), failure
    dying.end()
    return cell


def some_results(cell):
    """Results of all cells, made from one."""
    made = [dict(json.loads(json.dumps(cell)), name=c.name(), what=c.what, kind=c.kind, case=c.case, threads=c.threads,
                 gflop=c.gflop()) for c in measure.cells()]
    return {"date": "2000-01-01", "machine": {"cpu": "a & b", "cores": 2, "memory_gb": 4, "kernel": "6"},
            "ours": {"version": "0", "commit": "c", "cpu": "native", "vector_bytes": 64},
            "peers": [{"name": "torch 9 & more", "digest": "0" * 64}], "rounds": 2, "seconds": 0.01, "cells": made,
            "starts": [{"name": "amc, cold", "seconds": {"median": 0.5, "low": 0.4, "high": 0.6}}],
            "memory": [{"case": "hyd", "rss_mb": {"amc": 100.0, "peer, fastest": 800.0}}],
            "instructions": [{"case": "d5", "kind": "am", "instructions": 512e4, "gflop": 0.0512}]}


def tables(results, page):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    filled = document.fill(text, results)
    assert document.fill(filled, results) == filled
    prose = [document.MARKED.sub("", t) for t in (text, filled)]
    assert prose[0] == prose[1], "prose is lost"
    for row in ("| hyd | 3, 256 × 4, 1,000 | 1 | 5.00 (5.00–5.00) quick | 2.00 (2.00–2.00) | 2.50 × | 1189 % | 2.50 (2.50–2.50) | 2.00 × |",
                "| hyd | 100 | 800 |", "| d5 | AM | 10,000 | 10.00 |", "| d5 | 1.05 | 1.00 |", "| AM | d50 | 1.60 | 1.60 | 1.00 |",
                "quick 5.00, (hopeless 8.00), torch broken: failed"):
        assert row in filled, row
    for broken in (text.replace("<!-- bench: am -->", ""), text + "<!-- bench: what -->\n<!-- end -->"):
        try:
            document.fill(broken, results)
            raise AssertionError("a document with wrong marks was filled")
        except document.Unfit:
            pass
    # Without a peer there are figures all the same.
    alone = json.loads(json.dumps(results))
    alone["peers"] = []
    for cell in alone["cells"]:
        cell["series"] = cell["series"][:2]
    assert "| 1 | – | 2.00 (2.00–2.00) | – | 1189 % | 2.50 (2.50–2.50) | – |" in document.fill(text, alone)
    document.plot(alone)


def picture(results):
    """The plot is XML, and each bar is as long as the share that it shows."""
    root = xml.etree.ElementTree.fromstring(document.plot(results))
    bars = [e for e in root.iter() if e.tag.endswith("rect") and e.get("height") == str(document.BAR)]
    assert len(bars) == 3 * len(results["cells"])
    for cell, *of_cell in zip(results["cells"], bars[::3], bars[1::3], bars[2::3]):
        for bar, series in zip(of_cell, (document.ours(cell), document.plain(cell), document.best_peer(cell))):
            share = min(document.share(cell, series), document.MOST)
            assert abs(float(bar.get("width")) - share * document.SPAN / document.AXIS) < 0.1, cell["name"]


def run(page):
    arithmetic()
    results = some_results(protocol())
    tables(results, page)
    picture(results)
    print("bench/run: all checks passed")
    return 0
