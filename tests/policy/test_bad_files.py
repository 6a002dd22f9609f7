"""Files that are no policy at all: one clear sentence each, with the file and, where there is one, the line."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from drillbook.errors import ConfigError, ExitCode
from drillbook.policy import load_policy
from tests.policy.texts import POLICY, changed, complaint


def said_of(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_policy(path)
    assert caught.value.exit_code is ExitCode.USAGE
    return str(caught.value).replace(f"{path.parent}/", "")


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    assert said_of(tmp_path / "policy.yaml") == "policy.yaml: expected a policy file, found nothing at this path"


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").mkdir()
    assert said_of(tmp_path / "policy.yaml") == "policy.yaml: expected a policy file, found a folder"


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "policy.yaml")
    expected = "policy.yaml: expected a policy file, found something that is no regular file"
    assert said_of(tmp_path / "policy.yaml") == expected


def test_a_file_that_cannot_be_read_says_why() -> None:
    """A process' own memory is a regular file that not even root can read at its beginning."""
    assert said_of(Path("/proc/self/mem")) == "mem: the policy file can't be read: Input/output error"


def test_a_path_through_a_file_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert said_of(tmp_path / "file" / "policy.yaml") == "policy.yaml: the policy file can't be read: Not a directory"


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_file_is_said_to_be_empty(tmp_path: Path, text: str) -> None:
    assert complaint(tmp_path, text) == "policy.yaml: expected a policy, found an empty file"


def test_an_empty_document_is_no_mapping(tmp_path: Path) -> None:
    assert complaint(tmp_path, "---\n") == "policy.yaml:2: expected a mapping, found nothing"


def test_ten_megabytes_are_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"# filler\n" * (10_000_000 // 9 + 1))
    began = time.monotonic()
    assert said_of(path) == "policy.yaml: expected a policy of at most 1 MB, found 10.0 MB"
    assert time.monotonic() - began < 1


NOT_PLAIN_YAML = {
    "not-utf8": (b"a: b\nc: \xff\xfe\n", "policy.yaml:2: expected UTF-8 text, found the byte 0xff"),
    "nul": (
        b"a: b\n\nc: \x00\n",
        "policy.yaml:3: not YAML: the character U+0000 is not allowed; save the file as plain text",
    ),
    "tab": (
        b"kind: Policy\nmetadata:\n\tname: orders\n",
        "policy.yaml:3: not YAML: found a tab where YAML wants spaces; indent with spaces",
    ),
    "open-list": (
        b"a: [1, 2\nb: 3\n",
        "policy.yaml:2: not YAML: while parsing a flow sequence: expected ',' or ']', but got ':'",
    ),
    "open-quote": (
        b"a: 'x\n",
        "policy.yaml:2: not YAML: while scanning a quoted scalar: found unexpected end of stream",
    ),
    "two-colons": (b"a: b: c\n", "policy.yaml:1: not YAML: mapping values are not allowed here"),
    "two-documents": (
        b"a: 1\n---\nb: 2\n",
        "policy.yaml:2: expected one document, found a second one (---): one file holds one thing",
    ),
    "alias": (b"a: &x [1]\nb: *x\n", "policy.yaml:2: the alias *x is not allowed: write the value out"),
    "tag": (b"a: !!python/name:os.system x\n", "policy.yaml:1: a tag (!) is not allowed here: write a plain value"),
    "list": (b"- a\n- b\n", "policy.yaml:1: expected a mapping, found a list"),
    "words": (b"just words\n", "policy.yaml:1: expected a mapping, found a single value"),
}


@pytest.mark.parametrize("case", NOT_PLAIN_YAML)
def test_what_is_not_plain_yaml_is_one_sentence_with_its_line(tmp_path: Path, case: str) -> None:
    content, expected = NOT_PLAIN_YAML[case]
    path = tmp_path / "policy.yaml"
    path.write_bytes(content)
    assert said_of(path) == expected


def test_an_unquoted_limit_with_a_greater_than_says_what_to_do(tmp_path: Path) -> None:
    text = changed(POLICY, 'limit: "<= 80"', "limit: >= 80")
    assert complaint(tmp_path, text) == (
        'policy.yaml:28: not YAML: a value that begins with > must be in quotes, such as ">= 2"'
    )


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_endless_nesting_is_refused_at_once(tmp_path: Path, opening: str) -> None:
    began = time.monotonic()
    assert complaint(tmp_path, opening * 100_000) == "policy.yaml:1: nested more than 30 levels deep"
    assert time.monotonic() - began < 5


def test_a_billion_laughs_are_none(tmp_path: Path) -> None:
    layers = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    text = "\n".join(["a0: &a0 ha", *layers])
    assert complaint(tmp_path, text) == "policy.yaml:2: the alias *a0 is not allowed: write the value out"
