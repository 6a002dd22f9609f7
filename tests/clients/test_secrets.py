"""Credentials come by reference and are never shown."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from drillbook.clients.kube import Kube
from drillbook.clients.secrets import Secret, read_secret
from drillbook.errors import ConfigError
from drillbook.model.environment import SecretReference


async def no_cluster() -> Kube:
    raise AssertionError("no cluster is needed for this reference")


def read(reference: SecretReference, kube: Callable[[], Awaitable[Kube]] = no_cluster) -> Secret:
    return asyncio.run(read_secret(reference, kube))


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, lambda s: f"{s}"])
def test_a_secret_is_never_shown(show: Callable[[Secret], str]) -> None:
    assert "hunter2" not in show(Secret("hunter2"))


@pytest.mark.parametrize("copying", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_can_not_leave_the_process_by_being_copied(copying: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError, match="can't be pickled"):
        copying(Secret("hunter2"))


def test_a_variable_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    assert read(SecretReference(env="SHOP_PASSWORD")).reveal() == "hunter2"


def test_a_file_loses_its_last_newline_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(" hunter 2 \n")
    assert read(SecretReference(file=file)).reveal() == " hunter 2 "


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_PASSWORD", raising=False)
    with pytest.raises(ConfigError, match="environment variable SHOP_PASSWORD, which is not set"):
        read(SecretReference(env="SHOP_PASSWORD"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected a credential in .*nowhere"):
        read(SecretReference(file=tmp_path / "nowhere"))
