"""The benchmarks still run, and tell apart who answers rightly. No time is looked at here."""
