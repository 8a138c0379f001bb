"""What bench/run measures and how: the problems, the work they need, programs that run in blocks, and cells of rounds."""
import contextlib
import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

# Name → d, width of the hidden layers, batch of a training step, particles of a rollout, Euler steps that are timed of its
# hundred. `hyd` is the published setting for the hydrogen atom.
DEPTH = 4
CASES = {
    "d2": (2, 64, 256, 4096, 100),
    "d5": (5, 64, 512, 4096, 100),
    "hyd": (3, 256, 1000, 5000, 20),
    "d50": (50, 512, 1024, 1024, 20),
    "d100": (100, 1024, 1024, 1024, 10),
}


@dataclass(frozen=True)
class Cell:
    """One comparison: a case, what is done with it, and on how many threads."""
    what: str  # train or sample
    kind: str  # am, eam, uam
    case: str
    threads: int

    def name(self):
        return f"{self.what}-{self.kind}-{self.case}-{self.threads}"

    def options(self):
        d, width, batch, particles, steps = CASES[self.case]
        options = ["--what", self.what, "--kind", self.kind, "--dimension", d, "--width", width, "--depth", DEPTH,
                   "--batch", batch if self.what == "train" else particles, "--threads", self.threads]
        return [str(o) for o in options + (["--steps", steps] if self.what == "sample" else [])]

    def calls_per_unit(self):
        """Calls that make what a figure is about: a training step, or a rollout of a hundred steps."""
        return 1 if self.what == "train" else 100 / CASES[self.case][4]

    def gflop(self):
        """Operations, in 10⁹, of the matrix products that a training step or a rollout cannot do without, a multiply-add
        counting two. Those of the cheapest exact order of differentiation, whatever a program does."""
        d, width, batch, particles, _ = CASES[self.case]
        sizes = [d + 1] + [width] * DEPTH + [d]
        layers = [2 * a * b for a, b in zip(sizes, sizes[1:])]
        # One pass through the net for one sample; the pass back to its input costs the same.
        once, first = sum(layers), layers[0]
        if self.what == "sample":
            return 100 * particles * 2 * once / 1e9
        # Boundary terms, on two samples: value, gradient by the weights, gradient by the activations, but not by the input.
        boundary = 2 * (3 * once - first)
        if self.kind == "eam":
            # Value, d + 1 derivatives and Laplacian carried forward, the first layer's derivatives being its weights; twice
            # as much for the gradient.
            interior = 3 * ((d + 3) * once - (d + 2) * first)
        else:
            # Value, ∇s, the tangent along (1, ∇s), its pass back, and two products for the gradient by the weights.
            interior = 6 * once - first
        return batch * (boundary + interior) / 1e9


def cells(quick=False):
    """All cells, in the order of the document."""
    if quick:
        return [Cell("train", "am", case, 1) for case in ("d2", "d5", "hyd")] + [
            Cell("train", "eam", "d5", 1), Cell("sample", "am", "d5", 1)]
    out = [Cell("train", "am", case, threads) for case in CASES for threads in (1, 2)]
    out += [Cell("train", "eam", case, threads) for case in ("d5", "hyd") for threads in (1, 2)]
    out += [Cell("train", "uam", case, 1) for case in ("d5", "hyd")]
    return out + [Cell("sample", "am", case, 1) for case in ("d2", "d5", "hyd", "d50")]


def environment():
    """That of every program measured: a forced core type hides the AVX-512 kernels of OpenBLAS."""
    return {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}


class Failure(Exception):
    """A program that could not be measured, and why."""


class Program:
    """A program that speaks the protocol of bench/README.md, from its start to its end."""

    def __init__(self, command, name):
        self.name, self.variants, self.errors, self.rss = name, {}, {}, {}
        self.began = time.monotonic()
        self.stderr = tempfile.TemporaryFile(mode="w+")
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr,
                                            text=True, bufsize=1, env=environment())
        except OSError as why:
            raise Failure(f"{command[0]}: {why.strerror}") from None

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.stderr.seek(0)
            said = self.stderr.read().strip().splitlines()
            raise Failure(f"{self.name} ended with status {self.process.returncode}: {said[-1] if said else 'no message'}")
        try:
            return json.loads(line)
        except json.JSONDecodeError:
            raise Failure(f"{self.name} said `{line.strip()}`") from None

    def first(self):
        """The first variant that has made its first call, and when, in seconds since the start."""
        answer = self.read()
        if "error" in answer:
            raise Failure(f"{self.name} {answer['variant']}: {answer['error']}")
        self.variants[answer["variant"]] = answer
        return time.monotonic() - self.began

    def ready(self):
        """Reads on until all variants are warm."""
        while not (answer := self.read()).get("ready"):
            if "error" in answer:
                self.errors[answer["variant"]] = answer["error"]
            else:
                self.variants[answer["variant"]] = answer
        self.about = answer
        return self

    def block(self, variant, seconds):
        try:
            self.process.stdin.write(f"{variant} {seconds}\n")
        except BrokenPipeError:
            # It has ended: reading tells how.
            pass
        answer = self.read()
        if "error" in answer:
            raise Failure(f"{self.name}: {answer['error']}")
        return answer

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.stderr.close()


def machine_busy():
    """Seconds that the machine's cores have been busy, all together."""
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = [int(f) for f in stat.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def alone(seconds, own, busy, threads, cores):
    """Whether a block had the machine for itself: nothing else ran, or the block kept its core and left another for others.
    The clock of /proc/stat ticks each hundredth of a second."""
    other = busy - own
    return other < 0.05 * seconds + 0.011 or (
        threads == 1 and own > 0.985 * seconds and other < (cores - 1) * 1.02 * seconds)


def spread(values):
    """Median and range."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


@dataclass
class Series:
    """The blocks of one variant of one program."""
    program: Program
    variant: str
    times: list = field(default_factory=list)  # ms per unit, of blocks that had the machine for themselves
    all_times: list = field(default_factory=list)
    idle: float = 0.0  # the largest share of one core that it took between its blocks
    rss: float = 0.0
    dropped: bool = False
    since: float = None

    def block(self, cell, seconds):
        waited = None if self.since is None else time.monotonic() - self.since
        before = machine_busy()
        answer = self.program.block(self.variant, seconds)
        busy = machine_busy() - before
        self.since = time.monotonic()
        ms = 1e3 * answer["seconds"] / answer["calls"] * cell.calls_per_unit()
        self.all_times.append(ms)
        if alone(answer["seconds"], answer["cpu"], busy, cell.threads, os.cpu_count()):
            self.times.append(ms)
        if waited:
            self.idle = max(self.idle, answer["idle_cpu"] / waited)
        self.rss = answer["rss_mb"]

    def enough(self):
        """Whether enough blocks were undisturbed for a figure that can be trusted."""
        return len(self.times) >= 3

    def clean(self):
        """Blocks that count: the undisturbed ones, or all for want of them."""
        return self.times if self.enough() else self.all_times

    def figures(self):
        return {"program": self.program.name, "variant": self.variant, "ms": spread(self.clean()),
                "blocks": len(self.all_times), "disturbed": len(self.all_times) - len(self.times),
                "dropped": self.dropped, "trusted": self.enough(), "idle": round(self.idle, 4)}


# A variant that is so much slower than the best of its rivals after two rounds gets no more of them.
HOPELESS = 1.15


def measure(cell, ours, others, peers, rounds, seconds):
    """A cell's figures. Programs take turns: in each round the FMA peak, then a block of ours, of our others that it is to be
    compared with, and of each variant of each peer."""
    series = [Series(program, "ours") for program in [ours] + others]
    series += [Series(peer, variant) for peer in peers for variant in peer.variants if variant not in peer.errors]
    peaks = []
    for turn in range(2 * rounds):
        peaks.append(ours.block("peak", 0.05)["gflops"])
        for s in series:
            if not s.dropped:
                # What ran before has some milliseconds to come to rest.
                time.sleep(0.02)
                s.block(cell, seconds)
        rivals = [s for s in series[1 + len(others):] if not s.dropped]
        if turn == 1 and rivals:
            # By the quicker of the two blocks: one that another program slowed down decides nothing.
            best = min(min(s.all_times) for s in rivals)
            for s in rivals:
                s.dropped = min(s.all_times) > HOPELESS * best
        if turn + 1 >= rounds and all(len(s.times) >= rounds for s in series if not s.dropped):
            break
    errors = {f"{peer.name} {variant}": error for peer in peers for variant, error in peer.errors.items()}
    return {"name": cell.name(), "what": cell.what, "kind": cell.kind, "case": cell.case, "threads": cell.threads,
            "gflop": cell.gflop(), "peak": spread(peaks), "series": [s.figures() for s in series], "errors": errors}


def first_step(command, repeats):
    """Seconds from the start of a program of the protocol to the end of its first call; and what it holds some calls later."""
    times, rss = [], []
    for _ in range(repeats):
        program = Program(command, command[0])
        try:
            times.append(program.first())
            variant = next(iter(program.ready().variants))
            rss.append(program.block(variant, 0.2)["rss_mb"])
        finally:
            program.end()
    return {"seconds": spread(times), "rss_mb": max(rss)}


def amc_run(amc, script, steps, cache, repeats):
    """The same for the command of a user, `amc run`: when it tells of its first step, and the largest memory of a whole run."""
    times, rss = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            command = [amc, "run", script, "--set", f"train.flow.steps={steps}", "--threads", "1", "--out", folder]
            began = time.monotonic()
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                       env=dict(environment(), **cache))
            said = [(time.monotonic() - began, line) for line in process.stdout]
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            process.stdout.close()
            first = [at for at, line in said if "first step after" in line]
            if process.returncode != 0 or not first:
                raise Failure(f"amc run: {said[-1][1].strip() if said else 'no message'}")
            times.append(first[0])
            rss.append(usage.ru_maxrss / 1024)
    return {"seconds": spread(times), "rss_mb": max(rss)}


def instructions(command, options, count):
    """Instructions of one training step, counted by callgrind over `count` of them."""
    # Valgrind's processor has no AVX-512 and another cache than ours, on whose size the tile depends.
    program = [command] + options + ["--count", str(count), "--cpu", "x86-64-v3", "--cache-bytes", str(2 << 20)]
    with tempfile.TemporaryDirectory() as folder:
        # The compiler would take a minute under valgrind: it runs before, and valgrind finds its code in the cache.
        cached = dict(environment(), AMC_CACHE=folder)
        subprocess.run(program, stdout=subprocess.DEVNULL, env=cached, check=True)
        done = subprocess.run(["valgrind", "--tool=callgrind", "--instr-atstart=no",
                               f"--callgrind-out-file={folder}/out"] + program,
                              capture_output=True, text=True, env=cached, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found or found[1] == "0":
        last = done.stderr.strip().splitlines()
        raise Failure(f"callgrind: {last[-1] if last else 'no message'}")
    return int(found[1]) / count
