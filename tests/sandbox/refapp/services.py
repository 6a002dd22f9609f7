"""Starts the reference service beside a real database and a real cache, and asks it."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any, Final

from drillbook.sandbox.refapp.settings import PORTS
from tests.sandbox import databases
from tests.sandbox.containers import Container, Containers, address, until

CONTROL: Final = "DRILLBOOK_CONTROL"


@dataclass(frozen=True)
class Answer:
    """Status and body of one answer."""

    status: int
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Service:
    """One running role."""

    container: Container
    port: int

    def ask(self, method: str, path: str, document: object = None) -> Answer:
        """One request on a connection of its own. OSError when there is no answer."""
        connection = http.client.HTTPConnection(self.container.env["POD_IP"], self.port, timeout=15)
        try:
            connection.request(method, path, None if document is None else json.dumps(document))
            response = connection.getresponse()
            return Answer(response.status, response.read().decode())
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, document: object) -> Answer:
        return self.ask("POST", path, document)

    def ready(self) -> bool:
        """Whether it says that it is ready."""
        assert self.container.process.poll() is None, self.container.log()
        try:
            return self.get("/ready").status == 200
        except OSError:
            return False


def start(
    containers: Containers,
    role: str,
    database: Container | None = None,
    cache: Container | None = None,
    **env: str,
) -> Service:
    """The service in a role, as soon as it is ready; a database or cache that isn't given isn't there."""
    settings = {
        "POD_IP": address(),
        "DATABASE_HOST": database.env["POD_IP"] if database else address(),
        "DATABASE_NAME": databases.NAME,
        "DATABASE_USER": databases.USER,
        "DATABASE_PASSWORD": databases.PASSWORD,
        "DATABASE_POOL_SIZE": "2",
        "REDIS_URL": f"redis://{cache.env['POD_IP'] if cache else address()}:6379/0",
        "DRAIN_MILLISECONDS": "50",
    }
    settings["POD_NAME"] = f"{role}-{settings['POD_IP']}"
    service = Service(
        containers.start("drillbook/refapp", settings | env, args=[role]), int(env.get("PORT", PORTS[role]))
    )
    until(service.ready, f"the {role} to be ready")
    return service
