"""What a Service's balancer promises about connections."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from drillbook.sandbox.network.balancer import PortBalancer

type Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_HOSTS = itertools.count(1)


def address() -> str:
    return f"127.{50 + os.getpid() % 10}.{os.getpid() % 250}.{next(_HOSTS) % 250 + 1}"


async def server(handler: Handler, port: int = 7000) -> tuple[asyncio.Server, tuple[str, int]]:
    host = address()
    return await asyncio.start_server(handler, host, port), (host, port)


def says(name: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(name + b"\n")
        writer.close()

    return handler


async def ask(listen: tuple[str, int]) -> bytes:
    reader, writer = await asyncio.open_connection(*listen)
    writer.write(b"who\n")
    answer = await reader.read()
    writer.close()
    return answer.strip()


def test_connections_go_to_the_endpoints_in_turn() -> None:
    async def main() -> None:
        pods = [await server(says(name)) for name in (b"a", b"b", b"c")]
        balancer = PortBalancer((address(), 7001))
        await balancer.use([where for _, where in pods])
        answers = [await ask(balancer.listen) for _ in range(6)]
        assert answers[:3] == answers[3:]
        assert sorted(answers[:3]) == [b"a", b"b", b"c"]
        balancer.close()

    uvloop.run(main())


def test_without_endpoints_a_connection_is_refused_and_with_one_again_it_is_served() -> None:
    async def main() -> None:
        _, where = await server(says(b"a"))
        balancer = PortBalancer((address(), 7001))
        for _ in range(2):
            await balancer.use([])
            with pytest.raises(ConnectionRefusedError):
                await ask(balancer.listen)
            await balancer.use([where])
            assert await ask(balancer.listen) == b"a"
        balancer.close()

    uvloop.run(main())


def test_an_endpoint_that_refuses_is_passed_over() -> None:
    async def main() -> None:
        _, where = await server(says(b"a"))
        balancer = PortBalancer((address(), 7001))
        await balancer.use([(address(), 7000), where])
        assert [await ask(balancer.listen) for _ in range(4)] == [b"a"] * 4
        balancer.close()

    uvloop.run(main())


def test_when_every_endpoint_refuses_the_client_is_reset() -> None:
    async def main() -> None:
        balancer = PortBalancer((address(), 7001))
        await balancer.use([(address(), 7000)])
        with pytest.raises(ConnectionResetError):
            await ask(balancer.listen)
        balancer.close()

    uvloop.run(main())


def test_the_end_of_what_a_client_sends_is_passed_on_while_the_answer_still_flows() -> None:
    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read()  # until the end
        writer.write(b"%d" % len(data))
        writer.close()

    async def main() -> None:
        _, where = await server(count)
        balancer = PortBalancer((address(), 7001))
        await balancer.use([where])
        reader, writer = await asyncio.open_connection(*balancer.listen)
        writer.write(b"x" * 1000)
        writer.write_eof()
        assert await reader.read() == b"1000"
        balancer.close()

    uvloop.run(main())


async def until_held_back(writer: asyncio.StreamWriter) -> int:
    """Send until the other side takes no more for half a second; returns how many bytes were given."""
    sent = 0
    while True:
        writer.write(b"x" * 65536)
        sent += 65536
        try:
            await asyncio.wait_for(writer.drain(), 0.5)
        except TimeoutError:
            return sent


def test_a_side_that_reads_slowly_holds_the_other_back_instead_of_filling_memory() -> None:
    async def main() -> None:
        go, all_read = asyncio.Event(), asyncio.Event()
        total = 0

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal total
            await go.wait()
            while data := await reader.read(65536):
                total += len(data)
            all_read.set()
            writer.close()

        _, where = await server(slow)
        balancer = PortBalancer((address(), 7001))
        await balancer.use([where])
        _, writer = await asyncio.open_connection(*balancer.listen)
        sent = await until_held_back(writer)
        assert sent < 64 * 2**20
        go.set()
        writer.write_eof()
        await asyncio.wait_for(all_read.wait(), 5)
        assert total == sent
        balancer.close()

    uvloop.run(main())


def test_a_reset_by_the_pod_reaches_the_client_as_a_reset() -> None:
    async def main() -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            raw = writer.get_extra_info("socket")
            import socket
            import struct

            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

        _, where = await server(hang_up)
        balancer = PortBalancer((address(), 7001))
        await balancer.use([where])
        reader, writer = await asyncio.open_connection(*balancer.listen)
        writer.write(b"x")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        balancer.close()

    uvloop.run(main())


def test_a_closed_balancer_leaves_no_connection_open() -> None:
    async def main() -> None:
        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello")
            await reader.read()
            writer.close()

        _, where = await server(hold)
        balancer = PortBalancer((address(), 7001))
        await balancer.use([where])
        reader, _ = await asyncio.open_connection(*balancer.listen)
        assert await reader.read(5) == b"hello"
        balancer.close()
        with pytest.raises(ConnectionResetError):
            await reader.read()

    uvloop.run(main())
