"""Commands in containers: exit codes, both outputs, what is refused and given up."""

from __future__ import annotations

import asyncio

import pytest

from drillbook.clients.kube import ApiRefusal, Kube, path_of
from drillbook.clients.kube_exec import Execution, execute
from drillbook.errors import Unreachable
from tests.clients.kube_calls import SOLAR, a_backend, ask
from tests.conftest import SandboxHandle


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["sh", "-c", "echo out; echo err >&2; exit 7"], Execution(7, "out\n", "err\n")),
        (["sh", "-c", "true"], Execution(0, "", "")),
        (["sh", "-c", "yes | head -c 300000 | wc -c"], Execution(0, "300000\n", "")),
    ],
)
def test_a_command_in_a_container_gives_its_exit_code_and_both_outputs(
    command: list[str], expected: Execution, solar: SandboxHandle
) -> None:
    async def run(kube: Kube) -> Execution:
        pod = await a_backend(kube)
        return await execute(kube, SOLAR, pod["metadata"]["name"], "backend", command)

    assert ask(solar.kubeconfig, run) == expected


def test_executing_leaves_the_client_as_it_was(solar: SandboxHandle) -> None:
    """The synchronous client's own way turns a client that others use into one that speaks WebSocket only."""

    async def run(kube: Kube) -> None:
        name = (await a_backend(kube))["metadata"]["name"]
        running = asyncio.ensure_future(execute(kube, SOLAR, name, "backend", ["sleep", "0.3"]))
        while not running.done():
            assert await kube.list(path_of("pods", SOLAR))
        assert (await running).exit_code == 0
        assert await kube.list(path_of("pods", SOLAR))

    ask(solar.kubeconfig, run)


def test_a_command_in_a_container_that_is_not_there_is_refused_with_a_sentence(solar: SandboxHandle) -> None:
    async def run(kube: Kube) -> Execution:
        pod = await a_backend(kube)
        return await execute(kube, SOLAR, pod["metadata"]["name"], "no-such-container", ["true"])

    with pytest.raises((ApiRefusal, Unreachable)):
        ask(solar.kubeconfig, run)


def test_a_command_that_takes_too_long_is_given_up(solar: SandboxHandle) -> None:
    async def run(kube: Kube) -> Execution:
        pod = await a_backend(kube)
        return await execute(kube, SOLAR, pod["metadata"]["name"], "backend", ["sleep", "60"], timeout=0.5)

    with pytest.raises(Unreachable, match=r"within 0\.5 s"):
        ask(solar.kubeconfig, run)
