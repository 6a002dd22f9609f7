"""Who has which address in the sandbox's own loopback network, 127.N.0.0/16.

127.N.0.1 API server, 127.N.0.10 ingress, 127.N.0.11 and up nodes, 127.N.(node number).x pods, 127.N.100.x Services.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

NODES: Final = 3
NODE_NAMES: Final = tuple(f"node-{n}" for n in range(1, NODES + 1))
API_PORT: Final = 6443
FIRST_NETWORK: Final = 64
LAST_NETWORK: Final = 250
SERVICE_BLOCKS: Final = range(100, 116)


class AddressesExhausted(Exception):
    """Every address of that kind is taken."""


class Pool:
    """Addresses of some /24 blocks, handed out in turn so that one just given back is not the next one given."""

    def __init__(self, blocks: Iterable[str]) -> None:
        self._addresses = [f"{block}.{host}" for block in blocks for host in range(2, 255)]
        self._next = 0
        self._taken: set[str] = set()

    def take(self) -> str:
        """A free address. Raises AddressesExhausted."""
        for step in range(len(self._addresses)):
            address = self._addresses[(self._next + step) % len(self._addresses)]
            if address not in self._taken:
                self._next = (self._next + step + 1) % len(self._addresses)
                self._taken.add(address)
                return address
        raise AddressesExhausted(f"all {len(self._addresses)} addresses from {self._addresses[0]} on are taken")

    def reserve(self, address: str) -> bool:
        """Take this very address; False when it is taken or not one of ours."""
        if address in self._taken or address not in self._addresses:
            return False
        self._taken.add(address)
        return True

    def give_back(self, address: str) -> None:
        self._taken.discard(address)


class Addresses:
    """The address plan of one sandbox."""

    def __init__(self, number: int) -> None:
        self.network = f"127.{number}"
        self.api = f"{self.network}.0.1"
        self.ingress = f"{self.network}.0.10"
        self.services = Pool(f"{self.network}.{block}" for block in SERVICE_BLOCKS)
        self._pods = {n: Pool([f"{self.network}.{n}"]) for n in range(1, NODES + 1)}

    @property
    def nodes(self) -> dict[str, str]:
        """Node name to its InternalIP."""
        return {name: f"{self.network}.0.{10 + n}" for n, name in enumerate(NODE_NAMES, 1)}

    def pods_of(self, node: str) -> Pool:
        """The pod addresses of a node."""
        return self._pods[int(node.removeprefix("node-"))]
