# What people who work on Stillwatch call. A Makefile, because make is there already; each line is a command to know anyway.
.PHONY: check test bench format lock

check:            ## lint, format, types, imports: everything but the tests
	scripts/environment test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

test:             ## everything; what this machine lacks is skipped with its cure
	./test

bench:            ## measure the claims, each beside its peer
	scripts/environment bench
	.venv/bin/python -m benchmarks

format:           ## let ruff put things right
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock:             ## after a change of dependencies in pyproject.toml
	scripts/lock
