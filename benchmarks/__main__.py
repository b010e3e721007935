"""Runs every benchmark, one after the other: `python -m benchmarks`."""

from benchmarks import fingerprint, pdq, search

for benchmark in (search, fingerprint, pdq):
    print(benchmark.__doc__)
    benchmark.measure()
    print()
