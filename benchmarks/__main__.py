"""Runs the benchmarks one after the other: `python -m benchmarks`. The sweep writes 700 MB first, so it is run by itself."""

from benchmarks import fingerprint, matcher, pdq, reading, start

for benchmark in (matcher, start, fingerprint, pdq, reading):
    print(benchmark.__doc__)
    benchmark.measure()
    print()
