"""A comparison in words, the same on a terminal and on a page. No I/O."""

from __future__ import annotations

from strands_robots.evaluation.compare.comparison import Comparison


def report(found: Comparison) -> list[str]:
    """Return a comparison as lines of text."""
    lines = [f"note: {note}" for note in found.notes]
    if found.rows:
        width = max(len("task"), *(len(row.task) for row in found.rows))
        lines.append(f"{'task':<{width}}  pairs    A %    B %  only B  only A  p (Holm)")
        lines += [
            f"{row.task:<{width}}  {row.pairs:>5}  {100 * row.first / row.pairs:>5.1f}  {100 * row.second / row.pairs:>5.1f}"
            f"  {row.wins:>6}  {row.losses:>6}  {row.p_value:>8.4f}"
            for row in found.rows
        ]
        lines.append(
            f"B minus A, mean over {len(found.rows)} tasks: {100 * found.mean:+.1f} percentage points "
            f"(95 % bootstrap interval {100 * found.lower:+.1f} to {100 * found.upper:+.1f})"
        )
    if found.left_out or found.alone:
        lines.append(f"{found.left_out} episodes could not be judged, {found.alone} have no partner")
    if found.is_paired:
        fixed = "" if found.is_sequential else f"; exact McNemar p = {found.p_value:.4g}"
        lines.append(f"{found.wins + found.losses} of {found.pairs} pairs differ{fixed}")
        if not found.is_sequential and found.early.decided_at:
            lines.append(f"pair by pair, the evidence would have been enough after {found.early.decided_at}")
    else:
        lines.append(f"B minus A: {100 * found.mean:+.1f} percentage points; Barnard p = {found.p_value:.4g}")
    return [*lines, verdict_text(found)]


def verdict_text(found: Comparison) -> str:
    """Return the verdict in one sentence."""
    how = f"the evidence was enough after {found.early.decided_at} pairs" if found.is_sequential else "by the test"
    if found.verdict == 0:
        return f"undecided at alpha {found.alpha:g}"
    return f"B is {'better' if found.verdict > 0 else 'worse'} than A at alpha {found.alpha:g}, {how}"
