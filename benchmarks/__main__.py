"""Runs every benchmark, one after the other: `python -m benchmarks`."""

from benchmarks import fingerprint, search

for benchmark in (search, fingerprint):
    print(benchmark.__doc__)
    benchmark.measure()
    print()
