"""A YAML file as a tree of nodes that know their lines: one document, no aliases, no custom tags, at most 1 MB.

Only the tree is used, never YAML's own values, so that ``1:30`` or ``no`` can't turn into something else on the way.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final, cast

import yaml

from drillbook.errors import ConfigError

LARGEST: Final = 1_000_000
"""Bytes. The largest real policy is a tenth of it."""
DEEPEST: Final = 30
"""Levels of nesting: far below Python's own limit, far above any policy."""


def shown(path: Path) -> str:
    """``path`` as sentences name it: relative to the working directory where it is below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else str(path)


def compose(path: Path, kind: str) -> yaml.Node:
    """The root node of the one document in ``path``, which should hold a ``kind`` (``policy``; for sentences only).

    Raises ConfigError for everything that is not such a file.
    """
    text = read_text(path, kind)
    try:
        root = _root(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        sentence = f"not YAML: the character U+{error.character:04X} is not allowed; save the file as plain text"
        raise ConfigError.at(shown(path), line, sentence) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError.at(shown(path), mark.line + 1 if mark else None, _told(error)) from None
    if root is None:
        raise ConfigError.at(shown(path), None, f"expected a {kind}, found an empty file")
    return root


def read_text(path: Path, kind: str) -> str:
    """The text of a regular UTF-8 file of at most LARGEST bytes. Raises ConfigError with a sentence for any other."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "something that is no regular file"
            raise ConfigError.at(shown(path), None, f"expected a {kind} file, found {what}")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError.at(shown(path), None, f"expected a {kind} file, found nothing at this path") from None
    except OSError as error:
        raise ConfigError.at(shown(path), None, f"the {kind} file can't be read: {error.strerror}") from None
    if len(content) > LARGEST:
        size = max(status.st_size, len(content)) / 1_000_000
        raise ConfigError.at(shown(path), None, f"expected a {kind} of at most 1 MB, found {size:.1f} MB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError.at(
            shown(path), line, f"expected UTF-8 text, found the byte 0x{content[error.start]:02x}"
        ) from None


class _Refused(yaml.MarkedYAMLError):
    """YAML, but more than a file of settings needs."""


def _root(text: str) -> yaml.Node | None:
    """Scanned in C, which is several times faster; what C refuses is told by PyYAML's own scanner, in better words."""
    try:
        return _FastLoader(text).get_single_node()
    except yaml.YAMLError:
        return _Loader(text).get_single_node()


class _Sober(yaml.composer.Composer):
    """PyYAML's composer, without what could blow up: aliases and endless nesting."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[attr-defined]  # the scanner beside it has it
        if isinstance(event, yaml.AliasEvent):
            raise _Refused(None, None, f"the alias *{event.anchor} is not allowed: write the value out", _mark(event))
        if getattr(event, "tag", None) is not None:
            raise _Refused(None, None, "a tag (!) is not allowed here: write a plain value", _mark(event))
        if self._depth >= DEEPEST:
            raise _Refused(None, None, f"nested more than {DEEPEST} levels deep", _mark(event))
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Loader(_Sober, yaml.SafeLoader):
    """Scans in Python."""


class _FastLoader(_Sober, yaml.CSafeLoader):
    """Scans in C. The composer comes first: libyaml's own knows no limits."""

    def __init__(self, text: str) -> None:
        yaml.composer.Composer.__init__(self)
        yaml.CSafeLoader.__init__(self, text)


def _mark(event: yaml.Event) -> yaml.error.Mark:
    return cast(yaml.error.Mark, event.start_mark)


def _told(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's complaint as one sentence; never its snippet, which may hold what should not be repeated."""
    problem = error.problem or error.context or "it can't be parsed"
    if isinstance(error, _Refused):
        return problem
    if "but found another document" in problem:
        return "expected one document, found a second one (---): one file holds one thing"
    if "'\\t'" in problem:
        return "not YAML: found a tab where YAML wants spaces; indent with spaces"
    if "chomping or indentation" in problem:
        return 'not YAML: a value that begins with > must be in quotes, such as ">= 2"'
    where = f" {error.context}:" if error.context else ""
    return f"not YAML:{where} {problem}"
