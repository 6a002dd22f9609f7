"""A program is started and surrounded by Kubernetes' rules."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.images import resolve
from drillbook.sandbox.images.program import Program

WORDS = st.lists(st.text(min_size=1), max_size=3)


@given(entrypoint=WORDS, arguments=WORDS, command=WORDS, args=WORDS)
def test_command_replaces_all_and_args_replace_the_arguments(
    entrypoint: list[str], arguments: list[str], command: list[str], args: list[str]
) -> None:
    found = Program(tuple(entrypoint), tuple(arguments)).command_line(command, args)
    if command:
        assert found == (*command, *args)
    elif args:
        assert found == (*entrypoint, *args)
    else:
        assert found == (*entrypoint, *arguments)


def test_a_reference_in_a_default_is_put_in_and_an_unknown_one_stays() -> None:
    program = Program((), env={"PGHOST": "$(DRILLBOOK_RUN)/x", "OTHER": "$(NOBODY)"})
    assert program.environment({"DRILLBOOK_RUN": "/tmp/run"}) == {"PGHOST": "/tmp/run/x", "OTHER": "$(NOBODY)"}


@pytest.mark.parametrize(
    ("mounts", "folder"),
    [
        ({}, "/scratch/var/lib/postgresql/data"),
        ({"/var/lib/postgresql/data": "/volume"}, "/volume"),
        ({"/var/lib/postgresql": "/volume"}, "/volume/data"),
        ({"/var/lib/postgresql": "/outer", "/var/lib/postgresql/data": "/inner"}, "/inner"),
        ({"/data": "/volume"}, "/scratch/var/lib/postgresql/data"),
    ],
)
def test_the_data_folder_is_in_the_closest_volume_else_in_the_containers_own(
    mounts: dict[str, str], folder: str
) -> None:
    program = Program((), data_path="/var/lib/postgresql/data")
    found = program.data_folder({path: Path(real) for path, real in mounts.items()}, Path("/scratch"))
    assert found == Path(folder)


def test_a_program_without_data_has_no_data_folder() -> None:
    assert Program(()).data_folder({"/": Path("/x")}, Path("/scratch")) is None


def test_a_shim_hands_on_its_arguments_untouched(tmp_path: Path) -> None:
    Program((), shims={"say it": ("printf", "%s|", "it's")}).write_shims(tmp_path)
    done = subprocess.run([tmp_path / "say it", "a b", "$HOME", '"'], capture_output=True, text=True, check=True)
    assert done.stdout == "it's|a b|$HOME|\"|"


@pytest.mark.parametrize("image", ["postgres", "redis", "busybox", "ghcr.io/org/solar-pv-backend:v1.2.3"])
def test_every_image_carries_python(image: str, tmp_path: Path) -> None:
    program = resolve(image)
    assert program is not None
    program.write_shims(tmp_path)
    done = subprocess.run([tmp_path / "python", "-c", "print(6 * 7)"], capture_output=True, text=True, check=True)
    assert done.stdout == "42\n"
