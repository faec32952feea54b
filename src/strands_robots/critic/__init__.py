"""Grades videos of episodes with a vision-language model: a rubric as data, a verdict that is checked, and "no verdict" otherwise."""
