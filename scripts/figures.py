"""What the scripts that make tables of docs/results.md share: runs of the compiler, and figures as tables."""
import argparse
import contextlib
import io
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def arguments(description, *names):
    """Command line of a script: positional `names`, then options that all of them have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in names:
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--amc", default=str(ROOT / "build/bin/amc"), help="the compiler; default: build/bin/amc")
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs"), help="folder of the runs; default: runs")
    parser.add_argument("--threads", default="1", help="threads of each run; default: 1")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/results.md, in the blocks named after them")
    parser.add_argument("--set", action="append", default=[], help="passed on to the runs of models, such as train.flow.steps=100")
    return parser


def run(options, script, out, data, settings=(), constants=(), product="evaluation.json"):
    """Runs a script; its evaluations by model, mode and reference. A run whose `product` is there is read, not made again:
    delete its folder to make it anew. Says where a run failed, and has no evaluations then."""
    out = options.runs / out
    if not (out / product).exists():
        command = [options.amc, "run", str(ROOT / script), "--out", str(out), "--threads", options.threads]
        for key, value in data.items():
            command += ["--data", f"{key}={value}"]
        for setting in settings:
            command += ["--set", setting]
        for constant in constants:
            command += ["--const", constant]
        out.mkdir(parents=True, exist_ok=True)
        with open(out / "output.txt", "w") as log:
            code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode
        if code != 0:
            print(f"{out}: exit code {code}; {out}/output.txt says why", file=sys.stderr)
            return {}
    evaluations = {}
    if product != "evaluation.json":
        return evaluations
    for e in json.loads((out / "evaluation.json").read_text()):
        evaluations.setdefault((e["model"], e["mode"], e["against"]), e["comparisons"])
    return evaluations


@contextlib.contextmanager
def block(options, name):
    """What is printed within goes to the terminal and, with --write, into the block of docs/results.md that begins with
    `<!-- name -->` and ends with `<!-- end -->`."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        yield
    print(text.getvalue(), flush=True)
    page = ROOT / "docs/results.md"
    if not options.write or not text.getvalue():
        return
    whole, begin = page.read_text(), f"<!-- {name} -->\n"
    if begin not in whole:
        print(f"docs/results.md has no block {name}", file=sys.stderr)
        return
    before, rest = whole.split(begin, 1)
    page.write_text(before + begin + text.getvalue() + rest[rest.index("<!-- end -->"):])


def figure(comparisons, metric, what="value"):
    """The mean of a figure over the times of an evaluation; None where it is missing or not finite."""
    values = [c.get(metric, {}).get(what) for c in comparisons]
    return None if not values or None in values else statistics.fmean(values)


def number(value, digits=3):
    return "–" if value is None else f"{value:.{digits}f}"


def over_seeds(values, digits=3):
    """Mean ± standard deviation, or the only value."""
    if not values or None in values:
        return "–"
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.{digits}f}{spread}"


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("| --- |" + " ---: |" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def read_csv(path):
    """The header and the rows of a file of numbers."""
    head, *lines = pathlib.Path(path).read_text().splitlines()
    return head, [[float(v) for v in line.split(",")] for line in lines]


def write_csv(path, head, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, *(",".join(f"{v:.9g}" for v in row) for row in rows)]) + "\n")
