#!/usr/bin/env python3
"""Action Matching in PyTorch, as a careful user of it would write it: what bench/run compares with.

    torch_peer.py --what train --kind am --dimension 5 --width 64 --batch 512 --variants eager-tuned,compile-manual
    torch_peer.py --check --kind eam --dimension 5 --width 64 --batch 512

The potential is ½|x − mlp([t, x])|² with `depth` hidden layers of `width` and SiLU. A training step draws fresh data, takes
the loss and its gradient, clips that to norm 1, and updates Adam and a moving average of the parameters. A rollout is
`steps` Euler steps of 0.01 along ∇s.

The same mathematics stands here in several forms, and each through torch.compile, since none is the fastest everywhere:

    eager-tuned       nested autograd, one forward pass for both boundary terms, fused Adam
    compile-autograd  the same, both gradients inside one compiled graph
    compile-func      torch.func: vmap of grad, and jvp of it for the Laplacian
    compile-vjp       ∇s written out as operations (or, for eam, value, Jacobian and Laplacian carried forward together), so
                      that autograd runs once
    compile-manual    every gradient by hand, the whole step in one graph; am and uam

It speaks the protocol of bench/README.md: a JSON line after each variant's first call, one when all are warm, then one for
each line `VARIANT SECONDS` that it reads. --check compares the gradients of all forms, in f64 and f32, with those of plain
nested autograd in f64.
"""
import argparse
import hashlib
import json
import os
import sys
import tempfile
import time

# What runs unless --variants says otherwise: those that were ever the fastest, and the eager one.
FORMS = {"am": ["eager-tuned", "compile-autograd", "compile-func", "compile-manual"],
         "uam": ["eager-tuned", "compile-autograd", "compile-func", "compile-manual"],
         "eam": ["eager-tuned", "compile-autograd", "compile-func", "compile-vjp"],
         "sample": ["manual", "compile-manual"]}
LIBRARIES = "/usr/lib/x86_64-linux-gnu/"


def arguments():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--what", choices=["train", "sample"], default="train")
    a.add_argument("--kind", choices=["am", "uam", "eam"], default="am")
    for size in ("dimension", "width", "batch"):
        a.add_argument("--" + size, type=int, required=True)
    a.add_argument("--depth", type=int, default=4)
    a.add_argument("--steps", type=int, default=100, help="of a rollout")
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--variants", default="", help="comma list; the strongest if empty")
    a.add_argument("--blas", choices=["best", "default"], default="best", help="best: MKL where Debian's package is there")
    a.add_argument("--cache", choices=["keep", "none"], default="keep", help="none: compile as if for the first time")
    a.add_argument("--check", action="store_true")
    return a.parse_args()


ARGS = arguments()


def start_again():
    """Thread counts, BLAS and allocator are chosen when a process starts: sets them, and starts it again."""
    env = dict(os.environ, TORCH_PEER_READY="1")
    # A forced core type hides the AVX-512 kernels of OpenBLAS.
    env.pop("OPENBLAS_CORETYPE", None)
    preload = [LIBRARIES + "libtcmalloc_minimal.so.4"]
    if ARGS.blas == "best" and os.path.exists(LIBRARIES + "libmkl_rt.so"):
        preload += [LIBRARIES + "libgomp.so.1", LIBRARIES + "libmkl_rt.so"]
        env.update(MKL_THREADING_LAYER="GNU", MKL_INTERFACE_LAYER="LP64")
    # torch.compile's vector code calls Sleef, which Debian's libtorch does not export: without it the code is scalar.
    preload.append(LIBRARIES + "libsleef.so.3")
    env["LD_PRELOAD"] = ":".join(p for p in preload if os.path.exists(p))
    # One cache for each number of threads: compiled kernels depend on it.
    cache = os.path.join(tempfile.gettempdir(), f"torch-peer-{ARGS.threads}")
    env["TORCHINDUCTOR_CACHE_DIR"] = cache if ARGS.cache == "keep" else tempfile.mkdtemp(prefix="torch-peer-")
    for library in ("OMP", "MKL", "OPENBLAS", "BLIS"):
        env[library + "_NUM_THREADS"] = str(ARGS.threads)
    os.execve(sys.executable, [sys.executable] + sys.argv, env)


if "TORCH_PEER_READY" not in os.environ:
    start_again()

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

torch.set_num_threads(ARGS.threads)
D, H, B, KIND = ARGS.dimension, ARGS.width, ARGS.batch, ARGS.kind
DIMS = [D + 1] + [H] * ARGS.depth + [D]
LAYERS = len(DIMS) - 1
SIGMA, RATE, BETA1, BETA2, EPSILON, CLIP, DECAY = 0.5, 1e-4, 0.9, 0.999, 1e-8, 1.0, 0.9999


# ---- The problem


def initial(dtype=torch.float32):
    """Weights and biases, layer by layer."""
    torch.manual_seed(0)
    out = []
    for a, b in zip(DIMS[:-1], DIMS[1:]):
        layer = torch.nn.Linear(a, b)
        out += [layer.weight.detach().to(dtype).clone(), layer.bias.detach().to(dtype).clone()]
    return out


def draw(dtype=torch.float32):
    x0 = torch.randn(B, D, dtype=dtype)
    x1 = 2.0 + 0.5 * torch.randn(B, D, dtype=dtype)
    t = torch.rand(B, 1, dtype=dtype)
    return x0, x1, t, x0 + t * (x1 - x0)


def potential(p, t, x):
    h = torch.cat([t, x], -1)
    for l in range(LAYERS):
        h = F.linear(h, p[2 * l], p[2 * l + 1])
        if l < LAYERS - 1:
            h = F.silu(h)
    return 0.5 * ((x - h) ** 2).sum(-1)


def at_boundaries(p, x0, x1, t):
    """E s(x0, 0) − E s(x1, 1) in one forward pass."""
    s = potential(p, torch.cat([torch.zeros_like(t), torch.ones_like(t)]), torch.cat([x0, x1]))
    return s[:B].mean() - s[B:].mean()


# ---- The loss, by autograd, by torch.func, and with input derivatives written out


def loss_autograd(p, x0, x1, t, xt):
    t, xt = t.detach().requires_grad_(), xt.detach().requires_grad_()
    s = potential(p, t, xt)
    gx, gt = torch.autograd.grad(s.sum(), [xt, t], create_graph=True)
    r = 0.5 * (gx ** 2).sum(1) + gt[:, 0]
    if KIND == "uam":
        r = r + 0.5 * s ** 2
    if KIND == "eam":
        for i in range(D):
            r = r + 0.5 * SIGMA ** 2 * torch.autograd.grad(gx[:, i].sum(), xt, create_graph=True)[0][:, i]
    return at_boundaries(p, x0, x1, t) + r.mean()


def loss_func(p, x0, x1, t, xt):
    from torch.func import grad, grad_and_value, jvp, vmap

    def one(t, x):
        return potential(p, t, x)

    (gt, gx), s = vmap(grad_and_value(one, argnums=(0, 1)))(t, xt)
    r = 0.5 * (gx ** 2).sum(1) + gt[:, 0]
    if KIND == "uam":
        r = r + 0.5 * s ** 2
    if KIND == "eam":
        gradient, axes = grad(one, argnums=1), torch.eye(D, dtype=xt.dtype)

        def second(t, x, e):
            return (jvp(lambda y: gradient(t, y), (x,), (e,))[1] * e).sum()

        r = r + 0.5 * SIGMA ** 2 * vmap(lambda t, x: vmap(lambda e: second(t, x, e))(axes).sum())(t, xt)
    return at_boundaries(p, x0, x1, t) + r.mean()


def silu(z):
    """silu(z), its derivative, and the sigmoid."""
    g = torch.sigmoid(z)
    a = z * g
    return a, g + a * (1 - g), g


def silu_second(z, g):
    return g * (1 - g) * (2 + z * (1 - 2 * g))


def loss_vjp(p, x0, x1, t, xt):
    if KIND == "eam":
        return loss_forward_laplacian(p, x0, x1, t, xt)
    x = torch.cat([x0, x1, xt])
    h = torch.cat([torch.cat([torch.zeros_like(t), torch.ones_like(t), t]), x], 1)
    slopes = []
    for l in range(LAYERS - 1):
        h, slope, _ = silu(F.linear(h, p[2 * l], p[2 * l + 1]))
        slopes.append(slope[2 * B:])
    e = x - F.linear(h, p[-2], p[-1])
    s = 0.5 * (e ** 2).sum(1)
    c = -e[2 * B:] @ p[-2]
    for l in range(LAYERS - 2, -1, -1):
        c = (c * slopes[l]) @ p[2 * l]
    r = 0.5 * ((c[:, 1:] + e[2 * B:]) ** 2).sum(1) + c[:, 0]
    if KIND == "uam":
        r = r + 0.5 * s[2 * B:] ** 2
    return s[:B].mean() - s[B:2 * B].mean() + r.mean()


def loss_forward_laplacian(p, x0, x1, t, xt):
    """Value, all first derivatives (rows of J: by t, x1 … xd) and the Laplacian, carried forward together."""
    h = torch.cat([t, xt], 1)
    J = lap = None
    for l in range(LAYERS):
        W = p[2 * l]
        z = F.linear(h, W, p[2 * l + 1])
        J = W.t().unsqueeze(1).expand(D + 1, B, W.shape[0]) if J is None else J @ W.t()
        lap = None if lap is None else lap @ W.t()
        if l < LAYERS - 1:
            h, slope, g = silu(z)
            bend = silu_second(z, g) * (J[1:] ** 2).sum(0)
            lap = bend if lap is None else slope * lap + bend
            J = slope * J
    e = xt - z
    E = torch.cat([torch.zeros(1, D, dtype=xt.dtype), torch.eye(D, dtype=xt.dtype)]).unsqueeze(1) - J
    g = (E * e).sum(2)
    lap = (E[1:] ** 2).sum((0, 2)) - (e * lap).sum(1)
    r = 0.5 * (g[1:] ** 2).sum(0) + g[0] + 0.5 * SIGMA ** 2 * lap
    return at_boundaries(p, x0, x1, t) + r.mean()


def gradients_by_hand(p, x0, x1, t, xt):
    """Loss and its gradient without autograd.

    Boundary rows are an ordinary network with weights ±1/B on s. For interior rows, r = ½|∇s|² + ∂t s has the gradient of
    the tangent of s along (1, ∇s) with that direction held fixed: one tangent pass, whose reverse pass needs the cotangents
    of the first one once more.
    """
    if KIND == "eam":
        raise NotImplementedError("by hand for am and uam only")
    n = 2 * B
    x = torch.cat([x0, x1, xt])
    hs = [torch.cat([torch.cat([torch.zeros_like(t), torch.ones_like(t), t]), x], 1)]
    slopes, bends = [], []
    for l in range(LAYERS - 1):
        z = torch.addmm(p[2 * l + 1], hs[-1], p[2 * l].t())
        a, slope, g = silu(z)
        hs.append(a), slopes.append(slope), bends.append(silu_second(z[n:], g[n:]))
    e = x - torch.addmm(p[-1], hs[-1], p[-2].t())
    s = 0.5 * (e ** 2).sum(1)
    # Cotangents: with its weight in the loss for a boundary row, of s itself for an interior one.
    dzs, cs = [None] * LAYERS, [None] * LAYERS
    dzs[-1] = -e * torch.cat([torch.full_like(t, 1 / B), torch.full_like(t, -1 / B), torch.ones_like(t)])
    for l in range(LAYERS - 1, 0, -1):
        c = dzs[l] @ p[2 * l]
        cs[l - 1] = c[n:]
        dzs[l - 1] = c * slopes[l - 1]
    input_gradient = dzs[0][n:] @ p[0]
    gx = input_gradient[:, 1:] + e[n:]
    loss = (s[:B] - s[B:n] + 0.5 * (gx ** 2).sum(1) + input_gradient[:, 0]).sum() / B
    tangents, curved = [torch.cat([torch.full_like(t, 1 / B), gx / B], 1)], []
    for l in range(LAYERS - 1):
        zt = tangents[-1] @ p[2 * l].t()
        tangents.append(slopes[l][n:] * zt)
        curved.append(bends[l] * zt * cs[l])
    bz = tangents[-1] @ p[-2].t() - gx / B
    if KIND == "uam":
        bz = bz - e[n:] * (s[n:, None] / B)
        loss = loss + 0.5 * (s[n:] ** 2).sum() / B
    out = [None] * (2 * LAYERS)
    for l in range(LAYERS - 1, -1, -1):
        boundary = dzs[l][:n]
        out[2 * l] = boundary.t() @ hs[l][:n] + bz.t() @ hs[l][n:] + dzs[l][n:].t() @ tangents[l]
        out[2 * l + 1] = boundary.sum(0) + bz.sum(0)
        if l:
            bz = slopes[l - 1][n:] * (bz @ p[2 * l]) + curved[l - 1]
    return loss, out


def gradients_func(p, *data):
    from torch.func import grad_and_value
    g, loss = grad_and_value(loss_func)(p, *data)
    return loss, g


def with_autograd(loss):
    def gradients(p, *data):
        value = loss(p, *data)
        return value.detach(), [g.detach() for g in torch.autograd.grad(value, p)]
    return gradients


# ---- Steps


class Flat:
    """Parameters, moments and moving average as flat vectors; `views` are the parameters in their shapes."""

    def __init__(self, params):
        self.shapes = [q.shape for q in params]
        self.p = torch.cat([q.reshape(-1) for q in params])
        self.m, self.v = torch.zeros_like(self.p), torch.zeros_like(self.p)
        self.average, self.k = self.p.clone(), torch.zeros(())
        self.views = views(self.p, self.shapes)

    def state(self):
        return self.p, self.m, self.v, self.average, self.k


def views(p, shapes):
    out, i = [], 0
    for shape in shapes:
        out.append(p[i:i + shape.numel()].view(shape))
        i += shape.numel()
    return out


def adam(p, m, v, average, k, gradients):
    g = torch.cat([q.reshape(-1) for q in gradients])
    g = g * torch.clamp(CLIP / (g.norm() + 1e-6), max=1.0)
    k.add_(1)
    m.mul_(BETA1).add_(g, alpha=1 - BETA1)
    v.mul_(BETA2).addcmul_(g, g, value=1 - BETA2)
    p.sub_(RATE * (m / (1 - BETA1 ** k)) / ((v / (1 - BETA2 ** k)).sqrt() + EPSILON))
    average.mul_(DECAY).add_(p, alpha=1 - DECAY)


def compiled(function):
    return torch.compile(function, dynamic=False, fullgraph=True)


def stock_adam(leaves):
    settings = {"lr": RATE, "betas": (BETA1, BETA2), "eps": EPSILON}
    try:
        return torch.optim.Adam(leaves, fused=True, **settings)
    except (RuntimeError, TypeError):
        # Before torch 2.4 only on a GPU.
        return torch.optim.Adam(leaves, foreach=True, **settings)


def train_eager():
    leaves = [q.requires_grad_() for q in initial()]
    optimizer = stock_adam(leaves)
    average = [q.detach().clone() for q in leaves]

    def step():
        loss = loss_autograd(leaves, *draw())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(leaves, CLIP)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_mul_(average, DECAY)
            torch._foreach_add_(average, leaves, alpha=1 - DECAY)
        optimizer.zero_grad(set_to_none=True)
        return loss
    return step


def train_in_two_graphs(gradients, leaf=False):
    """Draws are left to the eager mode, where they are faster."""
    flat, update = Flat(initial()), compiled(adam)
    gradients = compiled(gradients)
    params = [q.detach().requires_grad_() for q in flat.views] if leaf else flat.views

    def step():
        with torch.set_grad_enabled(leaf):
            loss, g = gradients(params, *draw())
        with torch.no_grad():
            update(*flat.state(), g)
        return loss
    return step


def train_backward(loss):
    """The graph's own backward pass, as torch.compile splits it."""
    flat, update, loss = Flat(initial()), compiled(adam), compiled(loss)
    leaves = [q.detach().requires_grad_() for q in flat.views]

    def step():
        value = loss(leaves, *draw())
        value.backward()
        with torch.no_grad():
            update(*flat.state(), [q.grad for q in leaves])
        for q in leaves:
            q.grad = None
        return value
    return step


def train_in_one_graph(gradients):
    flat = Flat(initial())

    def whole(p, m, v, average, k):
        # Views are made inside the graph, so that updates of p stay visible.
        loss, g = gradients(views(p, flat.shapes), *draw())
        adam(p, m, v, average, k, g)
        return loss

    whole = compiled(whole)

    def step():
        with torch.no_grad():
            return whole(*flat.state())
    return step


def train(variant):
    if variant == "eager-tuned":
        return train_eager()
    if variant == "compile-autograd":
        # Off by default: a gradient inside a compiled graph.
        torch._dynamo.config.trace_autograd_ops = True
        return train_in_two_graphs(with_autograd(loss_autograd), leaf=True)
    if variant == "compile-func":
        return train_in_two_graphs(gradients_func)
    if variant == "compile-vjp":
        return train_backward(loss_vjp)
    if variant == "compile-manual":
        return train_in_one_graph(gradients_by_hand)
    raise ValueError("no such variant")


def drift(p, t, x):
    """∇s by hand. t is one number for all, so its column goes into the first bias."""
    h, slopes = x, []
    for l in range(LAYERS - 1):
        W, b = p[2 * l], p[2 * l + 1]
        z = torch.addmm(b, h, W.t()) if l else torch.addmm(b + t * W[:, 0], x, W[:, 1:].t())
        h, slope, _ = silu(z)
        slopes.append(slope)
    e = x - torch.addmm(p[-1], h, p[-2].t())
    c = -e @ p[-2]
    for l in range(LAYERS - 2, 0, -1):
        c = (c * slopes[l]) @ p[2 * l]
    return (c * slopes[0]) @ p[0][:, 1:] + e


def sample(variant):
    p, dt = initial(), 0.01

    def advance(t, x):
        return t + dt, x + dt * drift(p, t, x)

    if variant not in FORMS["sample"]:
        raise ValueError("no such variant")
    if variant == "compile-manual":
        advance = compiled(advance)

    def rollout():
        with torch.no_grad():
            t, x = torch.zeros(()), torch.randn(B, D)
            for _ in range(ARGS.steps):
                t, x = advance(t, x)
            return x.mean()
    return rollout


# ---- The protocol


def say(**fields):
    print(json.dumps(fields), flush=True)


def peak_memory():
    """The largest resident set so far, in MB."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def blas():
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:
        text = maps.read()
    if "libmkl_rt" in text or "Math Kernel Library" in torch.__config__.show():
        return "MKL"
    return next((name for name, part in (("OpenBLAS", "openblas"), ("BLIS", "blis")) if part in text), "unknown BLAS")


def prepare(variants):
    """Each variant after its first call and some more."""
    ready = {}
    for variant in variants:
        try:
            began = time.perf_counter()
            call = {"train": train, "sample": sample}[ARGS.what](variant)
            value = float(call().detach())
            say(variant=variant, value=value, first_call_s=time.perf_counter() - began, rss_mb=peak_memory())
            for _ in range(3):
                value = float(call().detach())
            if value != value:
                raise ArithmeticError("not finite")
            ready[variant] = call
        except Exception as failure:
            text = " ".join(str(failure).split())[:300]
            say(variant=variant, error=f"{type(failure).__name__}: {text}")
    return ready


def serve(ready):
    with open(__file__, "rb") as own:
        digest = hashlib.sha256(own.read()).hexdigest()
    say(ready=True, program="torch", version=torch.__version__, blas=blas(), digest=digest, rss_mb=peak_memory())
    rested = time.process_time()
    for line in sys.stdin:
        variant, seconds = line.split()
        call = ready[variant]
        idle_cpu = time.process_time() - rested
        calls, took, cpu, began = 0, 0.0, time.process_time(), time.perf_counter()
        while took < float(seconds):
            value = call()
            calls += 1
            took = time.perf_counter() - began
        float(value.detach())
        took = time.perf_counter() - began
        rested = time.process_time()
        say(variant=variant, calls=calls, seconds=took, cpu=rested - cpu, idle_cpu=idle_cpu, rss_mb=peak_memory())


def check():
    """Gradients of all forms against nested autograd in f64. False if one is off."""
    exact = initial(torch.float64)
    torch.manual_seed(1)
    data = draw(torch.float64)
    leaves = [q.clone().requires_grad_() for q in exact]
    reference = with_autograd(loss_autograd)(leaves, *data)[1]
    scale = torch.cat([g.reshape(-1) for g in reference]).norm()
    fine = True
    forms = {"autograd": with_autograd(loss_autograd), "func": gradients_func, "vjp": with_autograd(loss_vjp)}
    if KIND != "eam":
        forms["manual"] = gradients_by_hand
    for name, gradients in forms.items():
        for dtype, bound in ((torch.float64, 1e-12), (torch.float32, 1e-4)):
            p = [q.to(dtype).requires_grad_(name in ("autograd", "vjp")) for q in exact]
            loss, g = gradients(p, *[z.to(dtype) for z in data])
            error = float(torch.cat([(a.double() - b).reshape(-1) for a, b in zip(g, reference)]).norm() / scale)
            fine = fine and error < bound
            say(check=name, kind=KIND, dtype=str(dtype), loss=float(loss), error=error, bound=bound)
    return fine


if __name__ == "__main__":
    if ARGS.check:
        sys.exit(0 if check() else 1)
    serve(prepare(ARGS.variants.split(",") if ARGS.variants else FORMS[KIND if ARGS.what == "train" else "sample"]))
    if ARGS.cache == "none":
        import shutil
        shutil.rmtree(os.environ["TORCHINDUCTOR_CACHE_DIR"], ignore_errors=True)
