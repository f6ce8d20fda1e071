"""Speed beside the oracle's: cases are data, timings are interleaved in one process.

`cases` holds the groups, `timing` the clock, `process` what only a fresh process can tell (import time,
memory, installed size), `growth` memory of whole trainings and time against size, `sweep` cases generated from tables of ops, dtypes, shapes and layouts. `python -m bench compare` prints ratios, `python -m bench record` keeps them in
artifacts/bench/. The bench_<part>.py files run the same cases under pytest-benchmark.
"""
