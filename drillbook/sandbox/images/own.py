"""A system's own images: ``images.yaml`` beside its manifests says which program of this machine each name starts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from drillbook.errors import ConfigError
from drillbook.sandbox.images.family import Family, first_match
from drillbook.sandbox.images.program import Program
from drillbook.sandbox.images.reference import ImageReference
from drillbook.sandbox.images.tools import common

FILE: Final = "images.yaml"
KEYS: Final = ("image", "tags", "command", "env")
_EXAMPLE: Final = '{image: "registry.example.com/shop", command: [python3, ./shop.py]}'


def own_images(path: Path) -> Callable[[str], Program | None]:
    """What resolves the images that a file names, before the built-in table is asked; a missing file names none.

    An entry is ``{image, command}``, and may have ``tags`` (a regular expression of those that were released; all of
    them otherwise) and ``env``. ``image`` is a shell pattern. A word of the command that begins with ``./`` is a path
    beside the file. Raises ConfigError with the file and the entry.
    """
    return partial(first_match, tuple(_families(path)) if path.is_file() else ())


def _families(path: Path) -> list[Family]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = getattr(error, "problem", None) or type(error).__name__
        raise ConfigError(f"{path} can't be read as YAML: {problem}") from None
    entries = document.get("images") if isinstance(document, dict) else None
    if not isinstance(entries, list) or document.get("kind") != "Images":
        raise ConfigError(f"{path}: expected kind: Images and images: a list such as [{_EXAMPLE}]")
    return [_family(entry, f"{path}: images[{number}]", path.parent) for number, entry in enumerate(entries)]


def _family(entry: Any, place: str, folder: Path) -> Family:
    if not isinstance(entry, dict):
        raise ConfigError(f"{place}: expected a mapping such as {_EXAMPLE}, found {type(entry).__name__}")
    unknown = sorted(str(key) for key in entry if key not in KEYS)
    if unknown:
        raise ConfigError(f"{place}: unknown key {unknown[0]!r}; there are {', '.join(KEYS)}")
    image, command = entry.get("image"), entry.get("command")
    if not isinstance(image, str) or not image:
        raise ConfigError(f"{place}.image: expected a repository or a shell pattern of one, found {image!r}")
    if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
        raise ConfigError(f"{place}.command: expected a list of words such as [python3, ./shop.py], found {command!r}")
    return Family((image,), _program(command, _tags(entry, place), _environment(entry, place), folder))


def _program(
    command: list[str], tags: re.Pattern[str], env: Mapping[str, str], folder: Path
) -> Callable[[ImageReference], Program | None]:
    words = tuple(str(folder.resolve() / word) if word.startswith("./") else word for word in command)

    def program(reference: ImageReference) -> Program | None:
        released = tags.fullmatch(reference.tag)
        return Program(words, env=env, shims=common(), reads=(folder.resolve(),)) if released else None

    return program


def _tags(entry: Mapping[str, Any], place: str) -> re.Pattern[str]:
    text = entry.get("tags", ".*")
    try:
        return re.compile(text)
    except (re.error, TypeError):
        raise ConfigError(f"{place}.tags: expected a regular expression, found {text!r}") from None


def _environment(entry: Mapping[str, Any], place: str) -> Mapping[str, str]:
    env = entry.get("env") or {}
    if not isinstance(env, dict) or not all(isinstance(v, str) for pair in env.items() for v in pair):
        raise ConfigError(f"{place}.env: expected names and texts (numbers in quotes)")
    return env
