"""The sandbox itself: one process that is API server, controllers, kubelet and network. ``python -m`` this module.

Started by ``lifecycle.up``; tells it through a pipe, line by line in JSON, how far it is. It ends on SIGTERM, or when
the process that it is leashed to ends, and takes every container, socket and file of the run with it.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import logging
import os
import secrets
import signal
import socket
import ssl
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import uvloop

from drillbook.errors import ConfigError, DrillbookError, Unreachable
from drillbook.sandbox import kubeconfig, manifests
from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.cluster import Cluster, log
from drillbook.sandbox.controllers import nodes, standard
from drillbook.sandbox.controllers.autoscaler import Autoscalers
from drillbook.sandbox.controllers.controller import Controller
from drillbook.sandbox.controllers.network_chaos import NetworkChaosExperiments
from drillbook.sandbox.controllers.network_policy import NetworkPolicies
from drillbook.sandbox.controllers.services import ServiceAddresses
from drillbook.sandbox.events import Recorder
from drillbook.sandbox.images import resolve
from drillbook.sandbox.images.own import FILE, own_images
from drillbook.sandbox.kubelet import isolation, volumes
from drillbook.sandbox.kubelet.disks import Disks, enter
from drillbook.sandbox.kubelet.hosts import HostsFiles
from drillbook.sandbox.kubelet.kubelet import Kubelet
from drillbook.sandbox.listens import listens
from drillbook.sandbox.network.addresses import API_PORT, Addresses
from drillbook.sandbox.network.beside import Beside
from drillbook.sandbox.network.claim import claim_network
from drillbook.sandbox.network.guard import Guard
from drillbook.sandbox.network.ingress import IngressController, ingress_program
from drillbook.sandbox.network.service_proxy import ServiceProxy
from drillbook.sandbox.network.stand_ins import StandIns
from drillbook.sandbox.record import Record
from drillbook.sandbox.seed import identity, seed
from drillbook.sandbox.store import Store
from drillbook.sandbox.waiting import until_ready

PR_SET_CHILD_SUBREAPER: Final = 36


class Daemon:
    """One run of one sandbox."""

    def __init__(self, arguments: argparse.Namespace, listener: socket.socket, disks: Disks) -> None:
        self._arguments = arguments
        self._listener = listener
        self._state = Path(arguments.state)
        self._token = secrets.token_urlsafe(32)
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._kubelet: Kubelet | None = None
        store = Store()
        self.cluster = Cluster(
            name=arguments.name,
            id=arguments.id,
            state=self._state,
            store=store,
            events=Recorder(store),
            addresses=Addresses(int(listener.getsockname()[0].split(".")[1])),
            authority=Authority(f"drillbook sandbox {arguments.name}"),
            disks=disks,
        )
        self._record = Record(
            name=arguments.name,
            system=arguments.system,
            id=arguments.id,
            pid=os.getpid(),
            pid_started=_own_start(),
            api=f"https://{self.cluster.addresses.api}:{API_PORT}",
            network=self.cluster.addresses.network,
            kubeconfig=str(self._state / "kubeconfig"),
            ca=str(self._state / "ca.crt"),
        )

    async def run(self) -> int:
        """From nothing to ready, until told to stop; returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        self._watch_leash()
        starting = asyncio.create_task(self._start())
        stopped = asyncio.create_task(self._stop.wait())
        code = 0
        try:
            await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done() and (error := starting.exception()) is not None:
                if not isinstance(error, DrillbookError):
                    log.error("the sandbox could not be started", exc_info=error)
                    error = Unreachable(f"the sandbox could not be started: {error}; see {self._state}/daemon.log")
                self._tell(failed=str(error), config=isinstance(error, ConfigError))
                code = 1
                if self._arguments.keep:
                    await self._stop.wait()
            else:
                await self._stop.wait()
        finally:
            starting.cancel()
            await self._end()
        return code

    async def _start(self) -> None:
        seed(self.cluster)
        self._record = replace(self._record, cluster_uid=identity(self.cluster))
        kept_apart = await isolation.find_out(self._state)
        log.info("%s", kept_apart.sentence)
        self._record = replace(
            self._record,
            isolation=f"{kept_apart.sentence}; {self.cluster.disks.sentence}",
            isolated=kept_apart.namespaces or self.cluster.disks.enforced,
        )
        hosts = HostsFiles(self.cluster)
        carried = (ingress_program(self.cluster), own_images(Path(self._arguments.manifests).parent / FILE), resolve)
        self._kubelet = Kubelet(
            self.cluster,
            kept_apart,
            lambda image: next(filter(None, (ask(image) for ask in carried)), None),
            hosts.file,
        )
        services = ServiceAddresses(self.cluster)
        await self._serve_api(self._kubelet, services)
        self._record.write(self._state)
        guard = Guard(self.cluster.store, self._kubelet.processes_by_pod)
        experiments = NetworkChaosExperiments(self.cluster, guard)
        controllers: list[Controller] = [
            *standard(self.cluster),
            Autoscalers(self.cluster, self._kubelet.pod_usage),
            services,
            hosts,
            ServiceProxy(self.cluster, guard),
            IngressController(self.cluster),
            experiments,
            NetworkPolicies(self.cluster, guard),
            StandIns(self.cluster, guard, hosts.write_again),
        ]
        for controller in controllers:
            self._tasks.append(asyncio.create_task(controller.run(), name=controller.name))
        self._tasks.append(asyncio.create_task(self._kubelet.run(), name="kubelet"))
        self._tasks.append(asyncio.create_task(nodes.beat(self.cluster), name="heartbeat"))
        self._tasks.append(asyncio.create_task(Beside(guard, experiments.uncovered).run(), name="beside"))
        for task in self._tasks:
            task.add_done_callback(_tell_of_end)
        self._tell(api=self._record.api)
        await self._apply()
        await until_ready(self.cluster, self._kubelet, self._arguments.timeout, self._tell)
        self._record = replace(self._record, ready=True, listens=listens(self.cluster, self._record))
        self._record.write(self._state)
        self._tell(ready=True)
        self._close_report()

    async def _serve_api(self, kubelet: Kubelet, services: ServiceAddresses) -> None:
        from aiohttp import web

        from drillbook.sandbox.api.access import ADMIN
        from drillbook.sandbox.api.app import make_app

        authority = self.cluster.authority
        (self._state / "ca.crt").write_bytes(authority.pem)
        issued = authority.issue([self.cluster.addresses.api, "localhost", "kubernetes", "kubernetes.default.svc"])
        pair = self._state / "api.pem"
        kubeconfig.write_private(pair, issued.certificate + issued.key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair)
        store, accounts = self.cluster.store, self.cluster.accounts
        app = make_app(store, kubelet, {self._token: ADMIN}, allocate_address=services.allocate, accounts=accounts)
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.SockSite(runner, self._listener, ssl_context=context).start()
        kubeconfig.write(
            self._state / "kubeconfig",
            name=self._arguments.name,
            server=self._record.api,
            ca=authority.pem,
            token=self._token,
        )

    async def _apply(self) -> None:
        import aiohttp

        ca = ssl.create_default_context(cadata=self.cluster.authority.pem.decode())
        async with aiohttp.ClientSession(trust_env=False) as session:
            count = await manifests.apply(session, self._record.api, ca, self._token, Path(self._arguments.manifests))
        self._tell(applied=count)

    def _watch_leash(self) -> None:
        """End when the process that we are leashed to has ended."""
        pid = self._arguments.leash
        if not pid:
            return
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            self._stop.set()
            return
        asyncio.get_running_loop().add_reader(descriptor, self._stop.set)

    async def _end(self) -> None:
        """No container, listener or file stays."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._kubelet is not None:
            await self._kubelet.bury()
        self._listener.close()
        self.cluster.disks.remove(self._state)

    def _tell(self, **news: Any) -> None:
        """One line to whoever started us; nobody there is fine."""
        if self._arguments.report is not None:
            with suppress(OSError):
                os.write(self._arguments.report, json.dumps(news).encode() + b"\n")

    def _close_report(self) -> None:
        if self._arguments.report is not None:
            os.close(self._arguments.report)
            self._arguments.report = None


def _tell_of_end(task: asyncio.Task[None]) -> None:
    """A part of the sandbox that ends by itself is missed: the log says which one, and why."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("%s has ended and does its work no more", task.get_name(), exc_info=error)


def _is_no_hang_up(entry: logging.LogRecord) -> bool:
    """A client that closes its watch is nothing to write a traceback about."""
    return not (entry.exc_info and isinstance(entry.exc_info[1], ConnectionResetError))


def _own_start() -> int | None:
    from drillbook.sandbox.kubelet.processes import started_at

    return started_at(os.getpid())


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="drillbook-sandbox", description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--system", required=True)
    parser.add_argument("--id", required=True)
    parser.add_argument("--state", required=True)
    parser.add_argument("--manifests", required=True)
    parser.add_argument("--timeout", type=float, default=60.0)
    parser.add_argument("--leash", type=int)
    parser.add_argument("--report", type=int, help="descriptor that hears of the progress")
    parser.add_argument("--keep", action="store_true", help="stay up when a pod can't become Ready")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run until told to stop."""
    arguments = _arguments(argv)
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s.%(msecs)03d %(levelname)s %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    logging.getLogger("aiohttp.server").addFilter(_is_no_hang_up)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        listener = claim_network()
    except DrillbookError as error:
        os.write(arguments.report or 2, json.dumps({"failed": str(error)}).encode() + b"\n")
        volumes.remove(Path(arguments.state))
        return 1

    disks = enter(Path(arguments.state))

    async def serve() -> int:
        return await Daemon(arguments, listener, disks).run()

    return uvloop.run(serve())


if __name__ == "__main__":
    sys.exit(main())
