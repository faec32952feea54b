from __future__ import annotations

from strands_robots.core.number_text import apart, outside


def test_numbers_that_differ_are_told_apart() -> None:
    assert outside(2.841212, -1.0, 2.84121) == "2.841212; valid: -1 to 2.84121"
    assert outside(2.84121 + 2e-6, -1.0, 2.84121) == "2.841212; valid: -1 to 2.84121"
    assert len(set(apart(1.0, 1.0 + 1e-15))) == 2
    assert apart(1.0, 1.0, 0.1) == ("1", "1", "0.1")
    assert outside(float("nan"), -0.174533, 1.74533) == "nan; valid: -0.174533 to 1.74533"
