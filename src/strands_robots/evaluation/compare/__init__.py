"""Is one policy better than another: the same episodes for both, tests that hold at any time, results of other harnesses."""
