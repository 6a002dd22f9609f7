"""Any calls in any order: the server answers, holds and tells its watchers what the model says."""

from __future__ import annotations

import copy
import http.client
import itertools
import json
import ssl
from typing import Any, cast
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from drillbook.sandbox.kinds import Object
from tests.sandbox.api.any_calls import DEFINITION, SELECTORS, SORTS, Entry, Seen, Sort, face_of, fits, put
from tests.sandbox.api.server import TOKEN, ApiServer

_SPACES = itertools.count(1)
_SENTINELS = itertools.count(1)
sorts, names = st.sampled_from(SORTS), st.sampled_from(["one", "two", "three"])
texts, selectors = st.sampled_from(["x", "y", "z"]), st.sampled_from(SELECTORS)
labels = st.sampled_from([{}, {"tier": "a"}, {"tier": "b"}])
finalizers = st.lists(st.sampled_from(["example.com/f", "example.com/g"]), max_size=2, unique=True)
ages = st.sampled_from(["fresh", "stale", "none"])
PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}


class Client:
    """One kept connection."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._connection = self.open()

    def open(self) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str(self._api.ca))
        return http.client.HTTPSConnection("127.0.0.1", self._api.port, context=context, timeout=20)

    def call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, Object]:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def close(self) -> None:
        self._connection.close()


class AnyCalls(RuleBasedStateMachine):
    """Drives the server and the model side by side."""

    def __init__(self, api: ApiServer) -> None:
        super().__init__()
        self.client, self.space = Client(api), f"any-{next(_SPACES)}"
        api.make_namespace(self.space)
        self.there: dict[Sort, dict[str, Entry]] = {sort: {} for sort in SORTS}
        self.newest = 0
        self.seen: list[Seen] = []

    def teardown(self) -> None:
        self.client.close()

    def path(self, sort: Sort, name: str = "") -> str:
        return sort.path.format(space=self.space) + (f"/{name}" if name else "")

    def took(self, sort: Sort, name: str, entry: Entry | None, answer: Object) -> None:
        """The call was granted: the model follows, and takes the version from the answer."""
        before = self.there[sort].get(name)
        if entry is None:
            del self.there[sort][name]
            return
        entry.version = int(answer["metadata"]["resourceVersion"])
        same = before is not None and before.face(sort)[2:] == entry.face(sort)[2:]
        if before is not None and same:
            assert entry.version == before.version, "what changes nothing makes no version"
        else:
            assert entry.version > self.newest, "each change has a version above all before"
            self.newest = entry.version
        self.there[sort][name] = entry

    def changed(self, sort: Sort, name: str, entry: Entry, code: int, answer: Object) -> None:
        """An update or a patch was granted; with the last finalizer a deleted object goes."""
        assert code == 200, answer
        old = self.there[sort][name]
        if entry.text != old.text:
            entry.generation += 1
        self.took(sort, name, None if entry.deleting and not entry.finalizers else entry, answer)

    @rule(sort=sorts, name=names, text=texts, labels=labels, finalizers=finalizers)
    def create(self, sort: Sort, name: str, text: str, labels: dict[str, str], finalizers: list[str]) -> None:
        code, answer = self.client.call("POST", self.path(sort), sort.body(name, text, labels, finalizers))
        if name in self.there[sort]:
            assert (code, answer["reason"]) == (409, "AlreadyExists")
            return
        assert code == 201, answer
        self.took(sort, name, Entry(answer["metadata"]["uid"], 0, text, labels, finalizers), answer)

    @rule(sort=sorts, name=st.sampled_from(["Upper", "under_score", "-dash", "a" * 254]))
    def create_with_a_wrong_name(self, sort: Sort, name: str) -> None:
        code, answer = self.client.call("POST", self.path(sort), sort.body(name, "x", {}, []))
        assert (code, answer["reason"]) == (422, "Invalid")
        assert "metadata.name" in [cause["field"] for cause in answer["details"]["causes"]]

    @rule(sort=sorts, name=names, text=texts, labels=labels, finalizers=finalizers, age=ages)
    def update(self, sort: Sort, name: str, text: str, labels: dict[str, str], finalizers: list[str], age: str) -> None:
        old, body = self.there[sort].get(name), sort.body(name, text, labels, finalizers)
        if old is not None and age != "none":
            body["metadata"]["resourceVersion"] = str(old.version - (age == "stale"))
        code, answer = self.client.call("PUT", self.path(sort, name), body)
        if old is None:
            assert (code, answer["reason"]) == (404, "NotFound")
        elif age == "none" and sort.custom:
            assert (code, answer["reason"]) == (422, "Invalid")
        elif age == "stale":
            assert (code, answer["reason"]) == (409, "Conflict")
        elif old.deleting and not set(finalizers) <= set(old.finalizers):
            assert (code, answer["reason"]) == (422, "Invalid")
        else:
            new = copy.deepcopy(old)
            new.text, new.labels, new.finalizers = text, labels, finalizers
            self.changed(sort, name, new, code, answer)

    @rule(sort=sorts, name=names, text=texts, tier=st.sampled_from(["a", "b"]), way=st.sampled_from(sorted(PATCHES)))
    def patch(self, sort: Sort, name: str, text: str, tier: str, way: str) -> None:
        old = self.there[sort].get(name)
        body: Any = {"metadata": {"labels": {"tier": tier}}}
        put(body, sort.place, text)
        if way == "json":
            body = [
                {"op": "add", "path": "/metadata/labels", "value": {"tier": tier}},
                {"op": "replace", "path": "/" + "/".join(sort.place), "value": text},
            ]
        code, answer = self.client.call("PATCH", self.path(sort, name), body, PATCHES[way])
        if way == "strategic" and sort.custom:
            assert code == 415
        elif old is None:
            assert (code, answer["reason"]) == (404, "NotFound")
        else:
            new = copy.deepcopy(old)
            new.text, new.labels = text, {"tier": tier}
            self.changed(sort, name, new, code, answer)

    @rule(sort=sorts, name=names, stale=st.booleans())
    def lift_all_finalizers(self, sort: Sort, name: str, stale: bool) -> None:
        old = self.there[sort].get(name)
        meta: Object = {"finalizers": None}
        if old is not None:
            meta["resourceVersion"] = str(old.version - stale)
        code, answer = self.client.call("PATCH", self.path(sort, name), {"metadata": meta}, PATCHES["merge"])
        if old is None:
            assert (code, answer["reason"]) == (404, "NotFound")
        elif stale:
            assert (code, answer["reason"]) == (409, "Conflict")
        else:
            new = copy.deepcopy(old)
            new.finalizers = []
            self.changed(sort, name, new, code, answer)

    @rule(sort=sorts, name=names)
    def patch_that_does_not_fit(self, sort: Sort, name: str) -> None:
        patch = [{"op": "test", "path": "/metadata/name", "value": "somebody-else"}]
        code, _ = self.client.call("PATCH", self.path(sort, name), patch, PATCHES["json"])
        assert code == (422 if name in self.there[sort] else 404)

    @rule(
        sort=sorts,
        name=names,
        policy=st.sampled_from([None, "Background", "Foreground", "Orphan"]),
        wrong=st.sampled_from([None, None, None, "uid", "resourceVersion"]),
    )
    def delete(self, sort: Sort, name: str, policy: str | None, wrong: str | None) -> None:
        options: Object = {"kind": "DeleteOptions", "apiVersion": "v1"}
        options |= {"propagationPolicy": policy} if policy else {}
        options |= {"preconditions": {wrong: "1"}} if wrong else {}
        code, answer = self.client.call("DELETE", self.path(sort, name), options)
        old = self.there[sort].get(name)
        if old is None:
            assert (code, answer["reason"]) == (404, "NotFound")
        elif wrong:
            assert (code, answer["reason"]) == (409, "Conflict")
        else:
            assert code == 200, answer
            new = copy.deepcopy(old)
            new.deleted(policy)
            if new.finalizers:
                self.took(sort, name, new, answer)
            else:
                del self.there[sort][name]

    @rule(sort=sorts, selector=selectors, limit=st.sampled_from([0, 1, 2]))
    def list_and_remember(self, sort: Sort, selector: str, limit: int) -> None:
        query = f"?labelSelector={quote(selector)}" + (f"&limit={limit}" if limit else "")
        seen, token = Seen(sort, selector, ""), ""
        while not seen.version or token:
            code, page = self.client.call("GET", self.path(sort) + query + (f"&continue={token}" if token else ""))
            assert code == 200, page
            assert not limit or len(page["items"]) <= limit
            assert seen.version in {"", page["metadata"]["resourceVersion"]}
            seen.version, token = page["metadata"]["resourceVersion"], page["metadata"].get("continue", "")
            seen.objects |= {obj["metadata"]["name"]: face_of(sort, obj) for obj in page["items"]}
        assert seen.objects == self.expected(sort, selector)
        self.seen.append(seen)

    @rule(data=st.data())
    def watch_from_then_on(self, data: st.DataObject) -> None:
        if self.seen:
            self.replay(data.draw(st.sampled_from(self.seen)))

    def replay(self, seen: Seen) -> None:
        """What was listed then, with all events since, is what is there now; a last object tells where now is."""
        last = f"last-{next(_SENTINELS)}"
        body = seen.sort.body(last, "x", {"tier": "b"} if fits({"tier": "b"}, seen.selector) else {"tier": "a"}, [])
        if seen.selector == "!tier":
            body["metadata"]["labels"] = {}
        _, made = self.client.call("POST", self.path(seen.sort), body)
        self.client.call("DELETE", self.path(seen.sort, last))
        state, version = dict(seen.objects), int(seen.version)
        query = f"?watch=true&resourceVersion={seen.version}&labelSelector={quote(seen.selector)}"
        connection = self.client.open()
        connection.request("GET", self.path(seen.sort) + query, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        for line in answer:
            event = json.loads(line)
            obj = event["object"]
            name, found = obj["metadata"]["name"], face_of(seen.sort, obj)
            assert found[1] > version, "events come in the order of their versions"
            version = found[1]
            assert (event["type"] == "ADDED") == (name not in state)
            if event["type"] == "DELETED":
                del state[name]
            else:
                state[name] = found
            if name == last:
                break
        answer.close()
        connection.close()
        assert {name: found for name, found in state.items() if not name.startswith("last-")} == self.expected(
            seen.sort, seen.selector
        )
        self.newest = max(self.newest, int(made["metadata"]["resourceVersion"]) + 1)

    def expected(self, sort: Sort, selector: str) -> dict[str, tuple[Any, ...]]:
        there = sorted(self.there[sort].items())
        return {name: entry.face(sort) for name, entry in there if fits(entry.labels, selector)}

    @invariant()
    def the_server_holds_what_the_model_holds(self) -> None:
        for sort in SORTS:
            _, listed = self.client.call("GET", self.path(sort))
            assert {o["metadata"]["name"]: face_of(sort, o) for o in listed["items"]} == self.expected(sort, "")


@pytest.fixture(scope="module")
def server(api: ApiServer) -> ApiServer:
    """The server, which knows widgets."""
    made = api.request(
        "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json.dumps(DEFINITION).encode()
    )
    assert made.code == 201, made.body
    return api


def check(server: ApiServer, examples: int, steps: int) -> None:
    quiet = list(HealthCheck)
    how = settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=quiet)
    make = cast("type[AnyCalls]", lambda: AnyCalls(server))  # anything that makes one will do
    run_state_machine_as_test(make, settings=how)


def test_any_calls_in_any_order_do_what_kubernetes_promises(server: ApiServer) -> None:
    check(server, examples=12, steps=25)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_calls_in_any_order_do_what_kubernetes_promises(server: ApiServer) -> None:
    check(server, examples=300, steps=40)
