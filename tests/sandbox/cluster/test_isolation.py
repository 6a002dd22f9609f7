"""How containers are kept apart, where the kernel allows it and where it doesn't."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import uvloop

from drillbook.places import PACKAGE
from drillbook.sandbox.kinds import POD
from drillbook.sandbox.kubelet.isolation import SWITCH
from tests.sandbox.cluster.bench import Bench, pod, running

BOTH = pytest.mark.parametrize("mode", ["auto", "none"])


async def ended(bench: Bench, name: str) -> str:
    await bench.until(lambda: bench.get(POD, name)["status"]["phase"] in {"Succeeded", "Failed"}, "the end")
    assert bench.get(POD, name)["status"]["phase"] == "Succeeded", await bench.logs(bench.get(POD, name))
    return await bench.logs(bench.get(POD, name))


@BOTH
def test_a_program_sees_itself_as_the_user_it_asks_for(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, mode)

    async def main() -> None:
        async with running() as bench:
            if mode == "none" and os.geteuid() != 0:
                return  # then nobody can change users, and nobody has to: this one isn't root
            more = "securityContext: {runAsUser: 1}\nvolumeMounts: [{name: v, mountPath: /srv/v}]"
            script = "id -u; touch $VOLUME_V/mine $DRILLBOOK_RUN/mine; stat -c %u $VOLUME_V/mine"
            bench.apply(pod("who", script, more, restart="Never") + "  volumes: [{name: v, emptyDir: {}}]\n")
            assert await ended(bench, "who") == "1\n1\n"

    uvloop.run(main())


@BOTH
def test_a_volume_is_found_by_name_in_either_mode(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, mode)

    async def main() -> None:
        async with running() as bench:
            bench.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: hello}}")
            text = pod("r", "cat $VOLUME_V/a; grep -c kubernetes.default $DRILLBOOK_HOSTS", restart="Never")
            bench.apply(text + "  volumes: [{name: v, configMap: {name: c}}]\n")
            assert await ended(bench, "r") == "hello1\n"

    uvloop.run(main())


@BOTH
def test_a_container_is_killed_with_all_that_it_started(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, mode)

    async def main() -> None:
        async with running() as bench:
            bench.apply(pod("nest", "setsid sh -c 'sleep 300 & sleep 300' & sleep 0.3; exit 0", restart="Never"))
            await ended(bench, "nest")
            mark = f"DRILLBOOK_CONTAINER={bench.get(POD, 'nest')['status']['containerStatuses'][0]['containerID'][12:]}"
            await bench.until(lambda: not _carrying(mark), "the end of its children", 3)

    # Orphans come to the sandbox's daemon, which says so to the kernel; here this process stands for it.
    import ctypes

    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    uvloop.run(main())
    ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)


def test_what_a_container_leaves_in_tmp_and_in_shared_memory_is_its_own() -> None:
    name = f"drillbook-test-{os.getpid()}"

    async def main() -> None:
        async with running() as bench:
            if not bench.kubelet.isolation.namespaces:
                pytest.skip(bench.kubelet.isolation.sentence)
            script = f"ls -A /tmp /dev/shm; echo x > /tmp/{name}; echo x > /dev/shm/{name}"
            bench.apply(pod("tidy", script, restart="Never"))
            said = await ended(bench, "tidy")
            seen = {line for line in said.splitlines() if line and not line.endswith(":")}
            ways = (bench.cluster.state, PACKAGE, Path(sys.prefix), Path(sys.base_prefix))
            # Only the ways to the sandbox's own state and to its programs show, where those are below /tmp.
            assert seen <= {way.parts[2] for way in ways if way.parts[1] == "tmp"}

    uvloop.run(main())
    assert not Path(f"/tmp/{name}").exists()
    assert not Path(f"/dev/shm/{name}").exists()


def test_a_container_has_the_usual_devices_and_none_of_the_machines_others() -> None:
    name = f"drillbook-test-{os.getpid()}"
    usual = [
        "fd",
        "full",
        "null",
        "ptmx",
        "pts",
        "random",
        "shm",
        "stderr",
        "stdin",
        "stdout",
        "termination-log",
        "tty",
        "urandom",
        "zero",
    ]

    async def main() -> None:
        async with running() as bench:
            if not bench.kubelet.isolation.namespaces:
                pytest.skip(bench.kubelet.isolation.sentence)
            terminal = "python3 -c 'import os; one, other = os.openpty(); print(os.isatty(other))'"
            script = f"ls /dev; echo x > /dev/null; echo x > /dev/{name}; printf oil > /dev/termination-log; {terminal}"
            bench.apply(pod("devices", script, restart="Never"))
            said = await ended(bench, "devices")
            assert said.split() == [*usual, "True"]
            (status,) = bench.get(POD, "devices")["status"]["containerStatuses"]
            assert status["state"]["terminated"]["message"] == "oil"

    uvloop.run(main())
    assert not Path(f"/dev/{name}").exists()


def test_a_command_beside_a_container_is_in_its_surroundings() -> None:
    async def main() -> None:
        async with running() as bench:
            bench.apply(pod("host", "echo here > $HOME/f; cp $HOME/f /tmp/f; exec sleep 60"))
            await bench.until(lambda: bench.ready(app="host"), "the start")
            command = ["sh", "-c", "cat /tmp/f; hostname; cat; echo wrong >&2; exit 3"]
            session = await bench.kubelet.exec(bench.get(POD, "host"), "main", command, stdin=True, tty=False)
            await session.write(b"given\n")
            await session.close_stdin()
            assert await session.wait() == 3
            said = await session.stdout.read()
            assert await session.stderr.read() == b"wrong\n"
            if bench.kubelet.isolation.namespaces:
                assert said == b"here\nhost\ngiven\n"

    uvloop.run(main())


def test_a_terminal_has_the_size_it_is_given_and_ends_with_its_command() -> None:
    async def main() -> None:
        async with running() as bench:
            bench.apply(pod("host", "exec sleep 60"))
            await bench.until(lambda: bench.ready(app="host"), "the start")
            session = await bench.kubelet.exec(bench.get(POD, "host"), "main", ["sh"], stdin=True, tty=True)
            session.resize(91, 17)
            await session.write(b"stty size; tty; exit 5\n")
            assert await session.wait() == 5
            said = await session.stdout.read()
            assert b"17 91" in said
            assert await session.stderr.read() == b""

    uvloop.run(main())


def test_a_command_that_is_not_there_can_t_be_started() -> None:
    async def main() -> None:
        async with running() as bench:
            bench.apply(pod("host", "exec sleep 60"))
            await bench.until(lambda: bench.ready(app="host"), "the start")
            with pytest.raises(OSError, match="executable file not found"):
                await bench.kubelet.exec(bench.get(POD, "host"), "main", ["nope"], stdin=False, tty=False)

    uvloop.run(main())


def _carrying(mark: str) -> list[int]:
    from drillbook.sandbox.kubelet import processes

    return list(processes.marked(mark.encode()))
