"""The switch of a node's kubelet, from outside."""

from __future__ import annotations

import pytest

from drillbook.errors import ConfigError
from drillbook.sandbox import lifecycle
from drillbook.sandbox.asking import ask
from drillbook.sandbox.node_switch import switch
from drillbook.sandbox.record import Record
from drillbook.sandbox.stopped import is_stopped
from tests.conftest import SandboxHandle

PATH = "/api/v1/nodes/node-3"


@pytest.fixture
def found(solar: SandboxHandle) -> Record:
    return lifecycle.need(solar.name)


def test_it_is_switched_once_each_way(found: Record) -> None:
    assert switch(found, "node-3", stop=True)
    assert is_stopped(ask(found, "GET", PATH).need())
    assert not switch(found, "node-3", stop=True)
    assert switch(found, "node-3", stop=False)
    assert not is_stopped(ask(found, "GET", PATH).need())
    assert not switch(found, "node-3", stop=False)


def test_a_kubelet_that_starts_registers_its_node_when_that_was_deleted(found: Record) -> None:
    ask(found, "DELETE", PATH).need()
    with pytest.raises(ConfigError, match="has no node node-3"):
        switch(found, "node-3", stop=True)
    assert switch(found, "node-3", stop=False)
    assert ask(found, "GET", PATH).need()["metadata"]["name"] == "node-3"


def test_a_node_that_the_sandbox_does_not_have_is_named(found: Record) -> None:
    with pytest.raises(ConfigError, match="has no node node-9: expected one of node-1, node-2, node-3"):
        switch(found, "node-9", stop=False)
