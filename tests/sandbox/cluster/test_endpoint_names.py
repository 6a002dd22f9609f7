"""The ingress's name server."""

from __future__ import annotations

import asyncio
import struct

import uvloop
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.kinds import ENDPOINTS
from drillbook.sandbox.network.endpoint_names import EndpointNames, answer, name_of
from drillbook.sandbox.store import Store

ADDRESSES = {"backend.shop.endpoints": ["127.70.1.2", "127.70.2.3"]}


def query(name: str, kind: int = 1, number: int = 7) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.rstrip(".").split("."))
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


def addresses_in(reply: bytes) -> list[str]:
    count = struct.unpack_from("!H", reply, 6)[0]
    return [".".join(map(str, reply[len(reply) - 16 * (count - i) + 12 :][:4])) for i in range(count)]


def known(name: str) -> list[str]:
    return ADDRESSES.get(name, [])


def test_a_service_s_name_has_the_addresses_of_its_ready_pods() -> None:
    reply = answer(query(name_of("shop", "backend")), known)
    assert reply is not None
    assert addresses_in(reply) == ADDRESSES["backend.shop.endpoints"]
    assert reply[:2] == b"\0\x07"
    assert reply[3] & 0x0F == 0


def test_another_name_does_not_exist() -> None:
    reply = answer(query("example.com"), known)
    assert reply is not None
    assert reply[3] & 0x0F == 3
    assert addresses_in(reply) == []


def test_a_name_has_no_addresses_of_another_kind() -> None:
    reply = answer(query(name_of("shop", "backend"), kind=28), known)
    assert reply is not None
    assert reply[3] & 0x0F == 0
    assert addresses_in(reply) == []


@given(st.binary(max_size=600))
def test_no_datagram_makes_it_fail(data: bytes) -> None:
    reply = answer(data, known)
    assert reply is None or reply[:2] == data[:2]


def test_it_answers_over_the_network_what_the_store_holds_now() -> None:
    store = Store()
    subsets = [{"addresses": [{"ip": "127.9.1.2"}], "notReadyAddresses": [{"ip": "127.9.1.3"}]}]
    store.create(ENDPOINTS, {"metadata": {"name": "api", "namespace": "shop"}, "subsets": subsets})

    async def main() -> None:
        loop = asyncio.get_running_loop()
        heard: asyncio.Queue[bytes] = asyncio.Queue()

        class Client(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: object) -> None:
                heard.put_nowait(data)

        server, _ = await loop.create_datagram_endpoint(lambda: EndpointNames(store), local_addr=("127.0.0.1", 0))
        where = server.get_extra_info("sockname")
        client, _ = await loop.create_datagram_endpoint(Client, remote_addr=where)
        client.sendto(query(name_of("shop", "api")))
        assert addresses_in(await asyncio.wait_for(heard.get(), 2)) == ["127.9.1.2"]
        store.mutate(ENDPOINTS, "shop", "api", lambda draft: draft.update(subsets=[]))
        client.sendto(query(name_of("shop", "api")))
        assert addresses_in(await asyncio.wait_for(heard.get(), 2)) == []
        client.close()
        server.close()

    uvloop.run(main())
