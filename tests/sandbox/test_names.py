"""Names are looked up in the cluster's hosts file first."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.names import address_of, cluster_address, find_address


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cluster's hosts file."""
    path = tmp_path / "hosts"
    path.write_text(
        "# services\n127.9.100.3 postgres postgres.solar postgres.solar.svc.cluster.local # the database\n\n"
    )
    monkeypatch.setenv("DRILLBOOK_HOSTS", str(path))
    return path


@pytest.mark.parametrize("name", ["postgres", "postgres.solar", "postgres.solar.svc.cluster.local.", "POSTGRES"])
def test_a_service_has_its_address_under_each_of_its_names(hosts: Path, name: str) -> None:
    assert address_of(name) == "127.9.100.3"
    assert asyncio.run(find_address(name)) == "127.9.100.3"


def test_other_names_are_the_systems_own(hosts: Path) -> None:
    assert address_of("127.0.0.1") == "127.0.0.1"
    assert asyncio.run(find_address("localhost")) in {"127.0.0.1", "::1"}


def test_a_name_that_nobody_knows_is_an_error(hosts: Path) -> None:
    with pytest.raises(socket.gaierror):
        address_of("nobody.invalid")


def test_a_change_of_the_file_counts_at_once_and_its_absence_is_no_error(hosts: Path) -> None:
    hosts.write_text("127.9.100.4 postgres\n")
    assert cluster_address("postgres") == "127.9.100.4"
    hosts.unlink()
    assert cluster_address("postgres") is None


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_content_of_the_file_makes_a_lookup_fail(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any-hosts"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRILLBOOK_HOSTS", str(path))
        cluster_address("postgres")
