"""Which tools fit a query: BM25 over names, words and arguments, stemmed, with synonyms as data. No ROS.

Source: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond" (the package bm25s); Porter's
Snowball stemmer for English (the package snowballstemmer).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from strands_robots.agent.tools.endpoint import Tool
from strands_robots.agent.tools.tool_words import ToolWords
from strands_robots.core.arrays import FloatArray

NAME_WEIGHT = 4
DESCRIPTION_WEIGHT = 2
KEYWORD_WEIGHT = 3
"""How often a word counts that is in a tool's name, in its description, or among its keywords; a word of its arguments counts once."""

SYNONYM_WEIGHT = 0.4
"""What a synonym of a word of the query counts, to 1 for the word itself."""

DEEPEST = 4
_WORD = re.compile(r"[a-z0-9]+")


class ToolSearch:
    """Ranks tools for queries.

    Args:
        tools: The tools.
        words: Stop words and synonyms.
    """

    def __init__(self, tools: Sequence[Tool], words: ToolWords) -> None:
        import bm25s  # takes a third of a second, and only a search needs it

        self._names = [tool.name for tool in tools]
        self._stop = words.stop_words
        self._synonyms = [{_stem(word) for word in line} for line in words.synonyms]
        self._ranking = bm25s.BM25(method="lucene", k1=1.2, b=0.5)
        texts = [self._words_of(tool) + self._split(words.also(tool.name)) * KEYWORD_WEIGHT for tool in tools]
        self._known = {word for text in texts for word in text}
        if self._known:
            self._ranking.index(texts, show_progress=False)

    def find(self, query: str, most: int) -> list[str]:
        """Return the names of the tools that fit best, the best first; none when no word of the query is known."""
        scores = np.zeros(len(self._names))
        for word in dict.fromkeys(self._split(query)):
            # Of a word and those that mean the same the best counts, so that a word with many of them weighs no more than others.
            scores += np.max([weight * self._scores_of(each) for each, weight in self._meant(word).items()], axis=0)
        best = sorted(range(len(self._names)), key=lambda index: (-scores[index], self._names[index]))
        return [self._names[index] for index in best[:most] if scores[index] > 0.0]

    def _meant(self, word: str) -> Mapping[str, float]:
        """Return what a stemmed word of a query may mean, and what each of that counts."""
        others = {other for line in self._synonyms if word in line for other in line}
        return dict.fromkeys(others, SYNONYM_WEIGHT) | {word: 1.0}

    def _scores_of(self, word: str) -> FloatArray:
        """Return the score of each tool for one stemmed word."""
        if word not in self._known:
            return np.zeros(len(self._names))
        return np.asarray(self._ranking.get_scores([word]), dtype=np.float64)

    def _words_of(self, tool: Tool) -> list[str]:
        words = self._split(tool.name) * NAME_WEIGHT + self._split(tool.description) * DESCRIPTION_WEIGHT
        return words + [word for text in _texts(tool.schema) for word in self._split(text)]

    def _split(self, text: str) -> list[str]:
        return [_stem(word) for word in _WORD.findall(text.lower()) if word not in self._stop]


def _texts(schema: Mapping[str, Any], depth: int = 0) -> Iterable[str]:
    """Yield names, words and choices of a schema's arguments."""
    yield str(schema.get("description", "")) if depth else ""
    for choice in schema.get("enum", ()):
        yield str(choice)
    if depth < DEEPEST:
        for name, part in schema.get("properties", {}).items():
            yield name
            yield from _texts(part, depth + 1)
        if "items" in schema:
            yield from _texts(schema["items"], depth + 1)


@lru_cache(maxsize=8192)
def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word))


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")
