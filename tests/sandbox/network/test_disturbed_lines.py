"""What a fault does to real TCP connections through the balancer, new ones and open ones."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from drillbook.sandbox.network.beside import Beside
from drillbook.sandbox.network.injection import Limit
from drillbook.sandbox.network.treatment import BLOCKED, Delay, Reset, Treatment
from tests.sandbox.network.pods import CLIENT, Line, on_line


def open_files() -> int:
    """How many descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


@on_line
async def test_a_delay_is_felt_by_an_open_connection_and_ends_with_the_fault(line: Line) -> None:
    caller = await line.open()
    assert await caller.ask() < 0.1
    line.inject(Treatment(delays=(Delay(0.2),)))
    assert 0.195 <= await caller.ask() < 0.4
    line.recover()
    assert await caller.ask() < 0.1


@on_line
async def test_a_new_connection_pays_for_its_handshake_too(line: Line) -> None:
    line.inject(Treatment(delays=(Delay(0.2),)))
    caller = await line.open()
    assert 0.395 <= await caller.ask() < 0.7
    assert 0.195 <= await caller.ask() < 0.4


@on_line
async def test_delays_of_both_directions_add_up(line: Line) -> None:
    caller = await line.open()
    line.inject(Treatment(delays=(Delay(0.1),)))
    line.inject(Treatment(delays=(Delay(0.15),)), back=True)
    assert 0.245 <= await caller.ask() < 0.5


@on_line
async def test_jitter_makes_the_delay_vary_within_its_range_and_keeps_the_order(line: Line) -> None:
    caller = await line.open()
    line.inject(Treatment(delays=(Delay(0.05, 0.04),)))
    times = [await caller.ask(bytes([i])) for i in range(12)]
    assert all(0.005 <= seconds < 0.15 for seconds in times)
    assert max(times) - min(times) > 0.01
    many = bytes(range(256)) * 8
    for byte in many:
        caller.writer.write(bytes([byte]))
        await asyncio.sleep(0)
    assert await caller.reader.readexactly(len(many)) == many


@on_line
async def test_other_clients_than_the_named_pods_feel_nothing(line: Line) -> None:
    line.inject(Treatment(delays=(Delay(0.5),)))
    line.guard.peers._processes = lambda: {CLIENT: []}
    caller = await line.open()
    assert await caller.ask() < 0.2


@on_line
async def test_a_limit_lets_a_burst_through_and_then_its_rate(line: Line) -> None:
    caller = await line.open()
    line.inject(limit=Limit(100_000, 20_000))
    assert 0.7 < await caller.ask(os.urandom(100_000)) < 1.1


@on_line
async def test_the_connections_of_a_pod_share_its_limit(line: Line) -> None:
    callers = [await line.open(), await line.open()]
    line.inject(limit=Limit(100_000, 2_000))
    took = await asyncio.gather(*(caller.ask(os.urandom(50_000)) for caller in callers))
    assert 0.85 < max(took) < 1.3


@on_line
async def test_a_partition_holds_what_is_sent_and_healed_lets_all_of_it_arrive_in_order(line: Line) -> None:
    caller = await line.open()
    await caller.ask()
    line.inject(BLOCKED)
    sent = os.urandom(5_000)
    caller.writer.write(sent[:2_000])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.4):
            await caller.reader.read(1)
    caller.writer.write(sent[2_000:])
    line.recover()
    assert await asyncio.wait_for(caller.reader.readexactly(5_000), 1) == sent


@on_line
async def test_a_new_connection_into_a_partition_hangs_and_is_made_when_it_heals(line: Line) -> None:
    line.inject(BLOCKED, back=True)
    caller = await line.open()
    with pytest.raises(TimeoutError):
        await caller.ask(b"early", 0.4)
    line.recover()
    assert await asyncio.wait_for(caller.reader.readexactly(5), 1) == b"early"


@on_line
async def test_clients_that_give_up_in_a_partition_leave_nothing_open(line: Line) -> None:
    line.inject(BLOCKED)
    before = open_files()
    for _ in range(10):
        caller = await line.open()
        caller.writer.write(b"anybody there?")
        await asyncio.sleep(0.01)
        caller.writer.close()
    await asyncio.sleep(0.2)
    assert open_files() <= before + 1


@on_line
async def test_connections_that_ended_leave_nothing_open(line: Line) -> None:
    before = open_files()
    for _ in range(20):
        caller = await line.open()
        await caller.ask()
        caller.writer.close()
    await asyncio.sleep(0.2)
    assert open_files() <= before + 1


@on_line
async def test_lost_packets_come_again_later_and_nothing_is_missing(line: Line) -> None:
    caller = await line.open()
    quick = sum([await caller.ask() for _ in range(20)])
    line.inject(Treatment(loss=0.2))
    slow = sum([await caller.ask() for _ in range(40)])
    assert slow > 2 * quick + 0.2
    line.recover()
    assert await caller.ask() < 0.1


@on_line
async def test_resets_reach_open_and_new_connections_as_resets(line: Line) -> None:
    open_one = await line.open()
    await open_one.ask()
    line.inject(Treatment(resets=(Reset("cause", 1.0),)))
    with pytest.raises(ConnectionResetError):
        await open_one.ask()
    with pytest.raises(ConnectionResetError):
        await (await line.open()).ask()


@on_line
async def test_a_connection_past_the_balancer_is_cut_by_a_partition_and_healed(line: Line) -> None:
    beside = Beside(line.guard, lambda *_: None)
    caller = await line.open_past_it()
    assert await caller.ask() < 0.1
    line.inject(BLOCKED)
    beside.look()
    with pytest.raises(TimeoutError):
        await caller.ask(b"lost?", 0.4)
    line.recover()
    beside.look()
    assert await asyncio.wait_for(caller.reader.readexactly(5), 5) == b"lost?"


@on_line
async def test_a_connection_past_the_balancer_that_can_not_be_slowed_is_told_of_once(line: Line) -> None:
    told: list[tuple[str, str, str]] = []
    beside = Beside(
        line.guard,
        lambda cause, one, other, _: told.append((cause, one["metadata"]["name"], other["metadata"]["name"])),
    )
    caller = await line.open_past_it()
    line.inject(Treatment(delays=(Delay(0.1),)))
    for _ in range(3):
        beside.look()
    assert told == [(f"fault of {CLIENT}", "client", "server")]
    assert await caller.ask() < 0.1


@on_line
async def test_a_policy_that_comes_cuts_an_open_connection_and_one_that_goes_gives_it_back(line: Line) -> None:
    caller = await line.open()
    await caller.ask()
    deny = {"metadata": {"name": "deny", "namespace": "shop"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}
    line.guard.enforce([deny])
    with pytest.raises(TimeoutError):
        await caller.ask(b"hello", 0.3)
    line.guard.enforce([])
    assert await asyncio.wait_for(caller.reader.readexactly(5), 1) == b"hello"
    assert not line.guard.active
