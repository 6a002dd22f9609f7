"""Redis images start a real server, and ``redis-cli`` in them does what runbooks ask of it."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest

from tests.sandbox.containers import SECONDS, Container, Containers, address, until


@pytest.fixture
def empty(cache: Container) -> Container:
    """The shared server, without a key in any database."""
    until(lambda: cli(cache, "ping") == "PONG\n", "the server to answer")
    cli(cache, "FLUSHALL")
    return cache


def cli(container: Container, *words: str, given: str = "") -> str:
    """What redis-cli writes to a pipe."""
    return container.exec("redis-cli", *words, given=given.encode()).stdout.decode()


def test_keys_are_listed_one_a_line_and_can_be_piped_into_a_deletion(empty: Container) -> None:
    cli(empty, given='SET cache:a 1\nSET "cache:b c" 2\nSET session:x 3\n')
    assert sorted(cli(empty, "KEYS", "cache:*").splitlines()) == ["cache:a", "cache:b c"]
    shell = 'redis-cli KEYS "cache:a*" | xargs redis-cli DEL'
    assert empty.exec("sh", "-c", shell).stdout == b"1\n"
    assert cli(empty, "DBSIZE") == "2\n"
    assert sorted(cli(empty, "--scan", "--pattern", "*:*").splitlines()) == ["cache:b c", "session:x"]
    assert cli(empty, "FLUSHALL") == "OK\n"
    assert cli(empty, "DBSIZE") == "0\n"


def test_information_and_settings_are_those_of_the_server(empty: Container) -> None:
    assert "used_memory:" in cli(empty, "info", "memory")
    assert "keyspace_hits:" in cli(empty, "INFO", "stats")
    assert cli(empty, "config", "set", "maxmemory-policy", "allkeys-lru") == "OK\n"
    assert cli(empty, "CONFIG", "GET", "maxmemory-policy") == "maxmemory-policy\nallkeys-lru\n"
    assert cli(empty, "CONFIG", "SET", "save", "900 1 300 10 60 10000") == "OK\n"
    assert int(cli(empty, "MEMORY", "USAGE", "nothing").strip() or 0) == 0
    assert cli(empty, "BGSAVE").startswith("Background saving")


def test_values_of_any_bytes_come_out_as_they_went_in(empty: Container) -> None:
    value = bytes(range(1, 256))
    assert empty.exec("redis-cli", "-x", "SET", "bytes", given=value).stdout == b"OK\n"
    assert empty.exec("redis-cli", "GET", "bytes").stdout == value + b"\n"


def test_databases_are_apart(empty: Container) -> None:
    cli(empty, "-n", "3", "SET", "there", "1")
    assert cli(empty, "-n", "3", "DBSIZE") == "1\n"
    assert cli(empty, "DBSIZE") == "0\n"


def test_a_no_of_the_server_is_printed_and_fails_only_where_that_was_asked_for(empty: Container) -> None:
    wrong = empty.exec("redis-cli", "NONSENSE")
    assert wrong.stdout.startswith(b"ERR unknown command")
    assert wrong.returncode == 0
    assert empty.exec("redis-cli", "-e", "NONSENSE").returncode == 1


def test_no_server_is_one_sentence_and_exit_code_1(empty: Container) -> None:
    done = empty.exec("redis-cli", "-p", "1", "ping")
    expected = f"Could not connect to Redis at {empty.env['POD_IP']}:1: Connection refused\n"
    assert (done.stderr.decode(), done.returncode) == (expected, 1)


def test_an_unknown_option_is_refused(empty: Container) -> None:
    done = empty.exec("redis-cli", "--nonsense")
    assert done.returncode == 1
    assert done.stderr.startswith(b"Unrecognized option")


def test_a_terminal_shows_types(empty: Container) -> None:
    cli(empty, "RPUSH", "list", "one", 'tw"o')
    shim = str(empty.folder / "shims/redis-cli")
    master, terminal = pty.openpty()
    subprocess.run(
        [shim, "-h", empty.env["POD_IP"], "LRANGE", "list", "0", "-1"], stdout=terminal, timeout=SECONDS, check=True
    )
    assert os.read(master, 1000).decode().replace("\r\n", "\n") == '1) "one"\n2) "tw\\"o"\n'
    os.close(master)
    os.close(terminal)


def test_options_and_passwords_of_the_container_reach_the_server(containers: Containers) -> None:
    args = ["--requirepass", "secret", "--appendonly", "yes"]
    server = containers.start("redis:7-alpine", {"POD_IP": address()}, args=args)
    until(lambda: "NOAUTH" in cli(server, "GET", "x"), "the server to ask for a password")
    done = server.exec("redis-cli", "-a", "secret", "SET", "x", "1")
    assert done.stdout == b"OK\n"
    assert b"may not be safe" in done.stderr
    assert server.exec("redis-cli", "-a", "wrong", "--no-auth-warning", "PING").stderr.startswith(
        b"AUTH failed: WRONGPASS"
    )
    server.kill()
    server.start()
    until(
        lambda: cli(server, "-u", f"redis://:secret@{server.env['POD_IP']}/0", "GET", "x") == "1\n",
        "the write to be read back from the log that the server keeps",
    )


def test_another_program_of_the_image_runs_instead_of_the_server(containers: Containers, cache: Container) -> None:
    client = containers.start(
        "redis:7-alpine", {"POD_IP": address()}, args=["redis-cli", "-h", cache.env["POD_IP"], "ping"]
    )
    assert client.process.wait(SECONDS) == 0
    assert client.log() == "PONG\n"
