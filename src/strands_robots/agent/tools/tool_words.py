"""How tools are put before a model, as data: config/agent_tools.yaml. No ROS."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.share import share_directory
from strands_robots.core.validation import problems_of

Word = Annotated[str, Field(pattern=r"^[a-z0-9_/]+$")]


class ToolWords(BaseModel):
    """The file.

    Attributes:
        first: Ends of names of interfaces, whose tools are shown first.
        last: Ends of names of interfaces, whose tools are only found.
        words: What a tool does, by the end of its interface's name.
        keywords: What people also call that, by the name of a tool or the end of its interface's; only for finding it.
        stop_words: Words of a query that do not count.
        synonyms: Words that mean the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: tuple[Word, ...] = ()
    last: tuple[Word, ...] = ()
    words: dict[Word, Annotated[str, Field(pattern=r"^[ -~]+$", max_length=400)]] = Field(default_factory=dict)
    keywords: dict[Word, Annotated[str, Field(pattern=r"^[ -~]+$")]] = Field(default_factory=dict)
    stop_words: frozenset[Word] = frozenset()
    synonyms: tuple[Annotated[tuple[Word, ...], Field(min_length=2)], ...] = ()

    def rank(self, name: str) -> int:
        """Return where an interface's tool comes among those shown; higher than `len(first)` when it is only found."""
        first = next((index for index, end in enumerate(self.first) if _ends(name, end)), len(self.first))
        is_last = first == len(self.first) and any(_ends(name, end) for end in self.last)
        return first + is_last

    def is_last(self, name: str) -> bool:
        """Return whether an interface's tool is only found."""
        return self.rank(name) > len(self.first)

    def also(self, tool: str) -> str:
        """Return what people also call what a tool does; the longest end that fits its name counts."""
        fitting = [end for end in self.keywords if _ends(tool, end.replace("/", "_"), "_")]
        return self.keywords[max(fitting, key=len)] if fitting else ""

    def say(self, name: str) -> str:
        """Return what an interface's tool does; empty where its own file says it. The longest end that fits counts."""
        fitting = [end for end in self.words if _ends(name, end)]
        return self.words[max(fitting, key=len)] if fitting else ""


@lru_cache(maxsize=1)
def tool_words() -> ToolWords:
    """Return the words that come with the package.

    Raises:
        ConfigurationError: If the file is not valid.
    """
    path = share_directory() / "config" / "agent_tools.yaml"
    try:
        return ToolWords.model_validate(yaml.safe_load(path.read_text(encoding="ascii")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"'{path}' cannot be read: {' '.join(str(error).split())[:300]}") from error
    except ValidationError as error:
        raise ConfigurationError(f"'{path}': {problems_of(error, 'file')}") from None


def _ends(name: str, end: str, between: str = "/") -> bool:
    return name == end or name.endswith(between + end)
