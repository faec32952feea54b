"""Numbers for messages, with digits enough to see what is wrong with them."""

from __future__ import annotations

FEWEST_DIGITS = 6
MOST_DIGITS = 17  # a double has no more


def apart(*numbers: float) -> tuple[str, ...]:
    """Return numbers as text, with as many digits as it takes to tell those apart that differ."""
    different = len(set(map(float, numbers)))
    for digits in range(FEWEST_DIGITS, MOST_DIGITS + 1):
        texts = tuple(f"{float(number):.{digits}g}" for number in numbers)
        if len(set(texts)) >= different:
            break
    return texts


def outside(value: float, lower: float, upper: float) -> str:
    """Return "<value>; valid: <lower> to <upper>"."""
    shown, low, high = apart(value, lower, upper)
    return f"{shown}; valid: {low} to {high}"
