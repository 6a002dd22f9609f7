"""nginx's configuration language, as far as it takes to look a directive up: words, blocks, quotes, comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# http://nginx.org/en/docs/beginners_guide.html#conf_structure; ${name} is a word of a template, no block.
_TOKEN: Final = re.compile(
    r"""\s+|\#[^\n]*|([{};])|("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?:\$\{\w*\}|\\.|[^\s{};"'])+)"""
)


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive, and the blocks that it stands in, each as it is written: ``("http", "upstream api")``."""

    name: str
    arguments: tuple[str, ...]
    blocks: tuple[str, ...]

    def stands_in(self, block: str) -> bool:
        """Whether it stands directly in a block of that name: ``upstream``, or ``upstream api``."""
        return bool(self.blocks) and (self.blocks[-1] == block or self.blocks[-1].split(" ")[0] == block)

    def value(self, argument: str | None) -> str | None:
        """All arguments; the value of one that is written ``name=value``; its own name where it has no arguments."""
        if argument is None:
            return " ".join(self.arguments) or self.name
        named = (word.partition("=") for word in self.arguments)
        return next((value for name, _, value in named if name == argument), None)


def directives(text: str) -> Iterator[Directive]:
    """Every directive of a configuration, blocks included. Raises ValueError with a sentence where it doesn't parse."""
    blocks: list[str] = []
    words: list[str] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            line = text.count("\n", 0, position) + 1
            raise ValueError(f"expected nginx's configuration, found {text[position : position + 20]!r} in line {line}")
        position = match.end()
        if match[2]:
            words.append(match[2][1:-1] if match[2][0] in "\"'" else match[2])
        elif match[1] == "}":
            if not blocks or words:
                raise ValueError(
                    f"expected nginx's configuration, found a }} out of place in line {_line(text, match)}"
                )
            blocks.pop()
        elif match[1]:
            if not words:
                raise ValueError(f"expected a directive before {match[1]} in line {_line(text, match)}")
            yield Directive(words[0], tuple(words[1:]), tuple(blocks))
            if match[1] == "{":
                blocks.append(" ".join(words))
            words = []
    if blocks or words:
        raise ValueError(f"expected the end of {blocks[-1] if blocks else words[0]!r}, found the end of the file")


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1
