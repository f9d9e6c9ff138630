"""Benchmarks: `python -m bench.NAME [--quick] [--json]`.

Each starts private servers of its own in a temporary directory, warms up, runs its
candidates interleaved (A B C A B C ...) and prints ratios: absolute figures move with
the machine and its neighbours, ratios from one run hold.
"""
