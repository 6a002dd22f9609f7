"""What the ingress promises to those who come from outside."""

from __future__ import annotations

import asyncio
import functools
import ssl

import aiohttp

from drillbook.sandbox.kinds import CONFIG_MAP, DEPLOYMENT, INGRESS, POD, SECRET
from tests.sandbox.cluster.bench import HOME, Bench, on_bench

SERVER = """
import http.server, os
class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        told = os.environ["POD_NAME"], self.headers["Host"], self.headers["X-Forwarded-Proto"], self.path
        text = "|".join(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    do_POST = do_GET
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8000), Echo).serve_forever()
"""

SHOP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: busybox
          command: [python3, -c, $(SERVER)]
          env: [{name: SERVER, valueFrom: {configMapKeyRef: {name: server, key: text}}}]
          ports: [{name: web, containerPort: 8000}]
          readinessProbe: {tcpSocket: {port: web}, periodSeconds: 1}
          lifecycle: {preStop: {exec: {command: [sleep, "0.4"]}}} # until nobody is sent here any more
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{name: http, port: 80, targetPort: web}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, annotations: {cert-manager.io/cluster-issuer: letsencrypt}}
spec:
  ingressClassName: drillbook
  tls: [{hosts: [shop.example], secretName: shop-tls}]
  rules:
    - host: shop.example
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]}
"""


class Visitor:
    """Somebody outside who trusts the run's CA and nobody else."""

    def __init__(self, bench: Bench) -> None:
        self._host = bench.cluster.addresses.ingress
        self._trust = ssl.create_default_context(cadata=bench.cluster.authority.pem.decode())
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._trust))

    async def get(self, path: str = "/", host: str = "shop.example") -> tuple[int, str]:
        url = f"https://{self._host}:8443{path}"
        async with self.session.get(url, headers={"Host": host}, server_hostname=host) as answer:
            return answer.status, await answer.text()


async def open_shop(bench: Bench) -> Visitor:
    server = {"metadata": {"name": "server", "namespace": HOME}, "data": {"text": SERVER}}
    bench.store.create(CONFIG_MAP, server)
    bench.apply(SHOP)
    await bench.until(lambda: len(bench.ready(app="shop")) == 2, "the shop")
    await bench.until(lambda: bench.get(INGRESS, "shop")["status"]["loadBalancer"]["ingress"], "the address")
    visitor = Visitor(bench)
    for _ in range(100):
        try:
            if (await visitor.get())[0] == 200:
                return visitor
        except (aiohttp.ClientError, ssl.SSLError):
            pass
        await asyncio.sleep(0.05)
    raise AssertionError("the ingress never let anybody in")


@on_bench(network=True)
async def test_a_visitor_reaches_every_pod_with_host_and_scheme_told(bench: Bench) -> None:
    visitor = await open_shop(bench)
    seen = set()
    for _ in range(10):
        _, text = await visitor.get("/x?y=1")
        name, host, scheme, path = text.split("|")
        seen.add(name)
        assert (host, scheme, path) == ("shop.example", "https", "/x?y=1")
    assert seen == {pod["metadata"]["name"] for pod in bench.pods(app="shop")}
    await visitor.session.close()


@on_bench(network=True)
async def test_a_host_that_nobody_names_is_not_found(bench: Bench) -> None:
    visitor = await open_shop(bench)
    url = f"http://{bench.cluster.addresses.ingress}:8080/"
    async with visitor.session.get(url, headers={"Host": "other.example"}) as answer:
        assert answer.status == 404
    async with visitor.session.get(url, headers={"Host": "shop.example"}, allow_redirects=False) as answer:
        assert answer.status == 308
    await visitor.session.close()


def two_others(bench: Bench, uid: str) -> bool:
    return len([pod for pod in bench.ready(app="shop") if pod["metadata"]["uid"] != uid]) == 2


@on_bench(network=True)
async def test_connections_that_visitors_keep_open_survive_the_coming_and_going_of_pods(bench: Bench) -> None:
    visitor = await open_shop(bench)
    bad = []
    stop = False

    async def visit() -> None:
        while not stop:
            status, text = await visitor.get()
            if status != 200:
                bad.append((status, text))
            await asyncio.sleep(0.01)

    visiting = asyncio.create_task(visit())
    for _ in range(2):
        leaving = bench.ready(app="shop")[0]["metadata"]
        bench.store.mark_deleted(POD, HOME, leaving["name"], 3)
        await bench.until(functools.partial(two_others, bench, leaving["uid"]), "two others")
    stop = True
    await visiting
    assert bad == []
    assert len(visitor.session.connector._conns) == 1  # type: ignore[union-attr]  # the one it began with
    await visitor.session.close()


@on_bench(network=True)
async def test_a_deleted_certificate_is_issued_again_and_served(bench: Bench) -> None:
    visitor = await open_shop(bench)
    first = bench.get(SECRET, "shop-tls")["data"]["tls.crt"]
    bench.store.remove(SECRET, HOME, "shop-tls")
    await bench.until(lambda: bench.get(SECRET, "shop-tls")["data"]["tls.crt"] != first, "another one")
    await asyncio.sleep(0.3)
    assert (await visitor.get())[0] == 200
    await visitor.session.close()


@on_bench(network=True)
async def test_without_any_pod_the_ingress_says_503(bench: Bench) -> None:
    visitor = await open_shop(bench)
    bench.change(DEPLOYMENT, "shop", lambda draft: draft["spec"].update(replicas=0))
    await bench.until(lambda: not bench.pods(app="shop"), "nobody there")
    await asyncio.sleep(0.2)
    assert (await visitor.get())[0] == 503
    await visitor.session.close()
