"""Our small curl and wget, for machines without them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.containers import SECONDS, Container, Containers, address, until


@pytest.fixture(scope="module")
def site(lasting: Containers) -> Container:
    """A front end to fetch pages from."""
    made = lasting.start("drillbook/refapp", {"POD_IP": address()}, args=["frontend"])
    until(lambda: fetch("curl", url(made, "/ready")).returncode == 0, "the front end to answer")
    return made


def url(site: Container, path: str) -> str:
    return f"http://{site.env['POD_IP']}:8080{path}"


def fetch(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the program as its shim does."""
    command = [sys.executable, "-I", "-m", "drillbook.sandbox.images.fetch", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


def test_both_print_the_page(site: Container) -> None:
    for words in (["curl", "-s"], ["wget", "-q", "-O", "-"], ["wget", "-qO-"]):
        done = fetch(*words, url(site, "/"))
        assert (done.returncode, "Reference service" in done.stdout) == (0, True)


def test_the_status_can_be_written_alone(site: Container) -> None:
    done = fetch("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}\\n", url(site, "/nowhere"))
    assert (done.stdout, done.returncode) == ("404\n", 0)


def test_an_error_status_fails_where_that_was_asked_for(site: Container) -> None:
    done = fetch("curl", "-f", url(site, "/nowhere"))
    assert (done.returncode, done.stdout) == (22, "")
    assert "returned error: 404" in done.stderr
    assert fetch("wget", "-q", url(site, "/nowhere")).returncode != 0


def test_headers_go_out_and_come_in(site: Container) -> None:
    done = fetch("curl", "-i", "-X", "POST", "-H", "X-One: 1", "-d", "{}", url(site, "/ready"))
    assert done.stdout.startswith("HTTP/1.1 405 Method Not Allowed\n")
    assert "Allow: GET" in done.stdout


def test_wget_writes_a_file_named_after_the_page(site: Container, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    assert fetch("wget", "-O", str(target), url(site, "/")).returncode == 0
    assert "Reference service" in target.read_text()


def test_nobody_there_is_one_sentence_and_curls_exit_code() -> None:
    nobody = address()
    done = fetch("curl", f"http://{nobody}:8080/")
    assert done.returncode == 7
    assert done.stderr == f"curl: (7) Failed to connect to {nobody} port 8080: Connection refused\n"
    assert fetch("curl", "http://nobody.invalid/").returncode == 6
    assert fetch("curl", "--nonsense").returncode == 2
