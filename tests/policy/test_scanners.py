"""A file is scanned in C where that can be, and it makes no difference but speed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from drillbook.places import bundled
from drillbook.policy.document import _FastLoader, _Loader

OURS = ("*/policy.yaml", "*/requirements.yaml", "*/waivers.yaml", "*/environments/*.yaml")
FILES = sorted(path for shape in OURS for path in bundled("systems").glob(shape))
PIECES = [
    "a: 1\n",
    "b:\n",
    "  - x\n",
    "- {k: 'v', l: [1, 2]}\n",
    "# said\n",
    "  c: >-\n    folded\n",
    '"é": "\\u00e9"\n',
]


def told(node: yaml.Node | None) -> object:
    """A tree as tags, values and lines."""
    if node is None:
        return None
    line = node.start_mark.line
    if isinstance(node, yaml.ScalarNode):
        return node.tag, node.value, line
    if isinstance(node, yaml.MappingNode):
        return node.tag, [(told(key), told(value)) for key, value in node.value], line
    return node.tag, [told(item) for item in node.value], line


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_shipped_file_reads_the_same(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert told(_FastLoader(text).get_single_node()) == told(_Loader(text).get_single_node())


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("a: [[[[1]]]]\n")
def test_what_c_reads_is_what_python_reads(text: str) -> None:
    try:
        fast = told(_FastLoader(text).get_single_node())
    except yaml.YAMLError:
        return
    assert fast == told(_Loader(text).get_single_node())


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x\n", "[" * 40 + "]" * 40, "a: !tag 1\n"])
def test_what_could_blow_up_is_refused_by_both(text: str) -> None:
    for loader in (_FastLoader, _Loader):
        with pytest.raises(yaml.MarkedYAMLError):
            loader(text).get_single_node()
