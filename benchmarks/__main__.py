"""Runs every benchmark, one after the other: `python -m benchmarks`."""

from benchmarks import fingerprint, matcher, pdq

for benchmark in (matcher, fingerprint, pdq):
    print(benchmark.__doc__)
    benchmark.measure()
    print()
