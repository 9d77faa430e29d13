"""The baselines, each used as its own documentation recommends."""
