"""An authority and a PostgreSQL for the tests of this folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.clients.servers import PostgresServer, postgres_server


@dataclass(frozen=True)
class Authority:
    """A CA of the test, and the file that a client trusts it by."""

    ca: trustme.CA
    file: Path


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    ca = trustme.CA()
    file = tmp_path_factory.mktemp("ca") / "ca.crt"
    ca.cert_pem.write_to_path(str(file))
    return Authority(ca, file)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    # Not below pytest's own folder: only its owner may enter that, and the server runs as somebody else under root.
    with tempfile.TemporaryDirectory(prefix="drillbook-test-") as folder:
        Path(folder).chmod(0o755)
        with postgres_server(Path(folder) / "pg") as server:
            yield server
