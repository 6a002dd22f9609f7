"""The clients of busybox say what busybox says."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from drillbook.sandbox.images import resolve


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of a busybox container in a cluster with one Service, ``shop``."""
    program = resolve("busybox")
    assert program is not None
    program.write_shims(tmp_path / "shims")
    (tmp_path / "hosts").write_text("127.0.0.1 shop shop.sales shop.sales.svc.cluster.local\n")
    return {"PATH": f"{tmp_path / 'shims'}:/usr/bin:/bin", "DRILLBOOK_HOSTS": str(tmp_path / "hosts")}


def run(shell: dict[str, str], *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/usr/bin/env", *command], env=shell, input=given, capture_output=True, text=True, timeout=20, check=False
    )


def test_nslookup_resolves_a_service_by_its_full_name(shell: dict[str, str]) -> None:
    done = run(shell, "nslookup", "shop.sales.svc.cluster.local")
    assert done.returncode == 0
    assert "Name:\tshop.sales.svc.cluster.local\nAddress: 127.0.0.1\n" in done.stdout


def test_nslookup_of_an_unknown_name_fails(shell: dict[str, str]) -> None:
    done = run(shell, "nslookup", "nobody.invalid")
    assert (done.returncode, "** server can't find nobody.invalid: NXDOMAIN" in done.stdout) == (1, True)


def test_nc_says_whether_a_port_is_open(shell: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run(shell, "nc", "-zv", "shop", str(port))
    assert (done.returncode, done.stderr) == (0, f"shop (127.0.0.1:{port}) open\n")
    done = run(shell, "nc", "-zv", "shop", str(port))
    assert (done.returncode, done.stderr) == (1, f"nc: shop (127.0.0.1:{port}): Connection refused\n")


def test_nc_passes_on_what_it_is_given_and_writes_the_answer(shell: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = subprocess.Popen(
            ["/usr/bin/env", "nc", "shop", str(server.getsockname()[1])],
            env=shell,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        server.settimeout(20)
        line, _ = server.accept()
        with line:
            assert process.stdin is not None
            process.stdin.write("question\n")
            process.stdin.close()
            assert line.makefile().read() == "question\n"
            line.sendall(b"answer\n")
    assert process.stdout is not None
    assert process.stdout.read() == "answer\n"
    assert process.wait(20) == 0
    process.stdout.close()
