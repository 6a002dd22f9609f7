"""A system's own images: its file says what each name starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillbook.errors import ConfigError
from drillbook.sandbox.images.own import own_images

GOOD = r"""
apiVersion: drillbook/v1
kind: Images
images:
  - {image: registry.example.com/shop, tags: 'v\d+', command: [python3, ./shop.py, --now], env: {PORT: "8000"}}
  - {image: "*-sidecar", command: [sleep, "1000"]}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "images.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_name_starts_the_command_that_the_file_says(tmp_path: Path) -> None:
    program = own_images(written(tmp_path, GOOD))("registry.example.com/shop:v3")
    assert program is not None
    assert program.command_line() == ("python3", str(tmp_path / "shop.py"), "--now")
    assert program.env == {"PORT": "8000"}


def test_a_tag_that_was_never_released_cannot_be_pulled(tmp_path: Path) -> None:
    resolve = own_images(written(tmp_path, GOOD))
    assert resolve("registry.example.com/shop:latest") is None
    assert resolve("anywhere/log-sidecar:latest") is not None


def test_what_no_entry_names_is_left_to_the_built_in_table(tmp_path: Path) -> None:
    assert own_images(written(tmp_path, GOOD))("postgres:15") is None
    assert own_images(tmp_path / "missing.yaml")("registry.example.com/shop:v3") is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("images: [", "can't be read as YAML"),
        ("kind: Pictures\nimages: []", "expected kind: Images"),
        ("kind: Images", "images: a list"),
        ("kind: Images\nimages: [shop]", "images[0]: expected a mapping"),
        ("kind: Images\nimages: [{image: a, comand: [b]}]", "unknown key 'comand'"),
        ("kind: Images\nimages: [{command: [b]}]", "images[0].image: expected a repository"),
        ("kind: Images\nimages: [{image: a, command: b}]", "images[0].command: expected a list of words"),
        ("kind: Images\nimages: [{image: a, command: [b], tags: '('}]", "expected a regular expression"),
        ("kind: Images\nimages: [{image: a, command: [b], env: {PORT: 8000}}]", "numbers in quotes"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        own_images(path)
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)
