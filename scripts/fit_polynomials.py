#!/usr/bin/env python3
"""Prints compiler/lower/polynomials.h: the coefficients of the elementary functions.

Each polynomial is the minimax fit, under the weight that makes its error the relative error of the function, found by
reweighted least squares in 100 digits. Coefficients are then rounded to working precision one after another,
lowest power first, and the rest is fitted again, so that a later coefficient makes up for the rounding of an earlier.
Needs mpmath; takes about a minute.
"""
import struct

from mpmath import atan, atanh, cos, erf, erfc, exp, expm1, log, lu_solve, matrix, mp, mpf, pi, polyval, sin, sqrt, tan

mp.dps = 100
TINY = mpf(2) ** -60


def to_float(value):
    return mpf(struct.unpack("f", struct.pack("f", float(value)))[0])


def to_double(value):
    return mpf(float(value))


class Samples:
    """A function on points dense at both ends of an interval, with the weight of an error at each."""

    def __init__(self, f, weight, low, high, count):
        centre, half = (high + low) / 2, (high - low) / 2
        self.x = [centre - half * cos(pi * (2 * i + 1) / (2 * count)) for i in range(count)]
        self.f = [f(x) for x in self.x]
        self.w = [abs(weight(x)) for x in self.x]

    def errors(self, coefficients):
        return [w * abs(polyval(coefficients[::-1], x) - f) for x, f, w in zip(self.x, self.f, self.w)]


def minimax(samples, known, count):
    """All `count` coefficients, the first of them known: least squares, reweighted by its own errors (Lawson)."""
    free = count - len(known)
    residual = [f - polyval(known[::-1] or [0], x) for x, f in zip(samples.x, samples.f)]
    emphasis, best, least = [mpf(1)] * len(residual), None, None
    for _ in range(40):
        weights = [e * w * w for e, w in zip(emphasis, samples.w)]
        moments, sides = [], []
        powers = [w * x ** (2 * len(known)) for w, x in zip(weights, samples.x)]
        targets = [w * x ** len(known) * r for w, x, r in zip(weights, samples.x, residual)]
        for _ in range(2 * free - 1):
            moments.append(sum(powers))
            powers = [p * x for p, x in zip(powers, samples.x)]
        for _ in range(free):
            sides.append(sum(targets))
            targets = [t * x for t, x in zip(targets, samples.x)]
        normal = matrix([[moments[i + j] for j in range(free)] for i in range(free)])
        coefficients = known + list(lu_solve(normal, matrix(sides)))
        errors = samples.errors(coefficients)
        if least is None or max(errors) < least:
            best, least = coefficients, max(errors)
        mean = sum(errors) / len(errors)
        emphasis = [e * error / mean for e, error in zip(emphasis, errors)]
    return best


def fit(samples, count, rounded):
    coefficients = []
    while len(coefficients) < count:
        coefficients.append(rounded(minimax(samples, coefficients, count)[len(coefficients)]))
    return coefficients


def pieces(value, bits, count, rounded):
    """`value` as a sum: `count` pieces of `bits` bits each, then the rest. Small integers times pieces are exact."""
    result, unit = [], mpf(2) ** (int(mp.floor(log(value, 2))) + 1)
    for _ in range(count):
        unit /= mpf(2) ** bits
        result.append(mp.floor(value / unit) * unit)
        value -= result[-1]
    return result + [rounded(value)]


EDGE = mpf("1.0001")  # arguments land a little beyond the ideal interval

# name, what it approximates, weight, interval, numbers of coefficients for f32 and f64
FITS = [
    ("Exp", "(eʳ − 1)/r on [0, ln 2]", lambda r: expm1(r) / r, lambda r: r * exp(-r), TINY, log(2) * EDGE, 6, 11),
    ("Expm1", "(eʳ − 1)/r on ±½ ln 2", lambda r: expm1(r) / r, lambda r: r / expm1(r),
     -log(2) / 2 * EDGE, log(2) / 2 * EDGE, 6, 11),
    ("Log", "2(artanh(s)/s − 1)/z, z = s², s ≤ 3 − √8", lambda z: 2 * (atanh(sqrt(z)) / sqrt(z) - 1) / z,
     lambda z: z / 2, TINY, (3 - sqrt(8)) ** 2 * EDGE, 3, 7),
    ("Sin", "(sin(r)/r − 1)/z, z = r², r ≤ π/4", lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z, TINY,
     (pi / 4 * mpf("1.01")) ** 2, 3, 6),
    ("Cos", "(cos(r) − 1 + z/2)/z², z = r², r ≤ π/4", lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, lambda z: z**2,
     TINY, (pi / 4 * mpf("1.01")) ** 2, 3, 6),
    ("Atan", "(arctan(a)/a − 1)/z, z = a², a ≤ tan π/8", lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z, lambda z: z, TINY,
     tan(pi / 8) ** 2 * EDGE, 5, 11),
    ("Erf", "erf(x)/x − 1, z = x², x ≤ 1", lambda z: erf(sqrt(z)) / sqrt(z) - 1, lambda z: sqrt(z) / erf(sqrt(z)), TINY,
     EDGE, 7, 12),
    ("Erfc", "−log(erfc(1 + u)) on [0, 5]", lambda u: -log(erfc(1 + u)), lambda u: erfc(1 + u) / erf(1 + u), mpf(0),
     mpf(5), 8, 19),
]

HEAD = """// Coefficients of the elementary functions, printed by scripts/fit_polynomials.py: minimax in relative error, lowest
// power first, rounded to the precision they serve. Beside each, the base-2 logarithm of its function's relative error.
#pragma once

namespace am::lower {
"""


# name, number, bits of a piece, pieces before the rest, precision of the rest
SUMS = [
    ("Ln2F32", log(2), 15, 1, to_float),
    ("Ln2F64", log(2), 40, 1, to_double),
    ("HalfPiF32", pi / 2, 30, 1, to_double),
    ("HalfPiF64", pi / 2, 30, 3, to_double),
]


def hexadecimal(value):
    mantissa, exponent = float(value).hex().split("p")
    return mantissa.rstrip("0").rstrip(".") + "p" + exponent


def table(name, numbers, note=""):
    texts = [hexadecimal(x) for x in numbers]
    rows = [texts[i : i + 4] for i in range(0, len(texts), 4)]
    print(f"inline constexpr double k{name}[] = {{{note}")
    print("".join(f"    {', '.join(row)},\n" for row in rows) + "};")


def main():
    print(HEAD)
    for name, what, f, weight, low, high, *counts in FITS:
        print(f"// {what}.")
        for kind, count, rounded in (("F32", counts[0], to_float), ("F64", counts[1], to_double)):
            samples = Samples(f, weight, low, high, 12 * count)
            coefficients = fit(samples, count, rounded)
            error = max(Samples(f, weight, low, high, 1009).errors(coefficients))
            table(name + kind, coefficients, f"  // {float(log(error, 2)):.1f}")
        print()
    print("// Numbers as sums. All terms but the last have so few bits that their products with the integers they meet are")
    print("// exact. The terms of π/2 for f32 are f64: the reduction of an angle is done there.")
    for name, value, bits, count, rounded in SUMS:
        table(name, pieces(value, bits, count, rounded))
    print()
    print("}  // namespace am::lower")


if __name__ == "__main__":
    main()
