"""Sweeps of training runs: lerobot-train once for each combination of options, on the pool that runs episodes."""
