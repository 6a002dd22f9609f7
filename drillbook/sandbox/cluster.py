"""What all parts of one running sandbox share."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from drillbook.sandbox.api.account_tokens import AccountTokens
from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.events import Recorder
from drillbook.sandbox.kubelet.disks import Disks
from drillbook.sandbox.kubelet.pod_tokens import PodTokens
from drillbook.sandbox.network.addresses import Addresses
from drillbook.sandbox.store import Store

log: Final = logging.getLogger("drillbook.sandbox")

MARK: Final = "DRILLBOOK_SANDBOX"
"""Environment variable that every process of a sandbox carries; its value is the sandbox's id."""


@dataclass
class Problems:
    """What keeps the sandbox from becoming ready and no waiting will mend, as sentences."""

    sentences: dict[str, str] = field(default_factory=dict)
    on_change: Callable[[], None] | None = None

    def add(self, key: str, sentence: str) -> None:
        """Remember a problem under its key; the same one again changes nothing."""
        if self.sentences.get(key) == sentence:
            return
        self.sentences[key] = sentence
        log.warning("%s", sentence)
        if self.on_change:
            self.on_change()

    def solved(self, key: str) -> None:
        self.sentences.pop(key, None)


@dataclass
class Cluster:
    """One sandbox."""

    name: str
    id: str
    state: Path
    store: Store
    events: Recorder
    addresses: Addresses
    authority: Authority
    problems: Problems = field(default_factory=Problems)
    disks: Disks = field(default_factory=Disks)
    stand_ins: dict[str, str] = field(default_factory=dict)
    """For a pod's address, the one where the balancer listens in its place, while something stands before the pod."""
    accounts: AccountTokens = field(init=False)
    pod_tokens: PodTokens = field(init=False)

    def __post_init__(self) -> None:
        self.accounts = AccountTokens(self.store)
        self.pod_tokens = PodTokens(self.store, self.accounts)
