"""Benchmarks over real servers, with baselines in the same run: ``python -m tests.bench``."""
