"""Steps that run commands: in pods, through psql and redis-cli, and in pods of their own."""

from __future__ import annotations

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.drills.steps.commands import LONGEST, told
from drillbook.drills.steps.helper_pods import LABEL
from drillbook.errors import ConfigError
from tests.drills.conftest import NAMESPACE, Solar
from tests.drills.following import complaint, follow, steps


def test_a_command_is_run_in_a_pod_and_its_exit_code_is_what_counts(system: Solar) -> None:
    (claim,) = follow(
        system, "{type: exec, component: api, command: [alembic, upgrade, head], within: 60 s, line: 157}"
    )
    assert claim.startswith("alembic ended with 0 in pod backend-")
    said = complaint(
        system, "{type: exec, component: api, command: [/bin/sh, -c, 'echo broken >&2; exit 3'], line: 157}"
    )
    assert "(000_ba0f937aa1074294.txt:157): expected exit code 0 of /bin/sh in pod backend-" in said
    assert said.endswith(", found 3: broken")


def test_another_exit_code_can_be_what_is_documented(system: Solar) -> None:
    (claim,) = follow(system, "{type: exec, component: api, command: [/bin/sh, -c, exit 3], exit_code: 3, line: 157}")
    assert "ended with 3" in claim


def test_a_command_that_never_ends_is_ended_by_its_time(system: Solar) -> None:
    said = complaint(system, "{type: exec, component: api, command: [sleep, '60'], within: 1 s, line: 157}")
    assert said.startswith("exec api sleep 60 (000_ba0f937aa1074294.txt:157): ")
    assert "within 1 s" in said


def test_nothing_that_looks_like_a_credential_is_told() -> None:
    said = "can't connect to postgres://solar:s3cret@db/x with password=hunter2"
    assert told(said) == "can't connect to postgres://solar:***@db/x with password=***"
    assert len(told("x" * 1000)) == LONGEST


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("redis://:s3cret@cache:6379/0 refused", "redis://:***@cache:6379/0 refused"),
        ('{"password": "s3cret", "user": "a"}', '{"password": "***", "user": "a"}'),
        ("POSTGRES_PASSWORD='s3cret' is wrong", "POSTGRES_PASSWORD='***' is wrong"),
        ("401 for Authorization: Bearer s3cret.x-y", "401 for Authorization: Bearer ***"),
        ("bearer s3cret was refused", "bearer *** was refused"),
        ("API_KEY=s3cret; exiting", "API_KEY=***; exiting"),
        ("could not connect: connection refused", "could not connect: connection refused"),
    ],
)
def test_a_credential_is_masked_however_it_is_written(said: str, masked: str) -> None:
    assert told(said) == masked


def test_of_a_command_that_fails_its_error_is_told_and_never_its_output(system: Solar) -> None:
    command = "[/bin/sh, -c, 'echo a customer; echo the reason >&2; echo more >&2; exit 3']"
    said = complaint(system, f"{{type: exec, component: api, command: {command}, line: 157}}")
    assert said.endswith(", found 3: the reason")
    said = complaint(
        system, "{type: exec, component: api, command: [/bin/sh, -c, 'echo a customer; exit 3'], line: 157}"
    )
    assert said.endswith(", found 3, and it said nothing of why")


def test_sql_only_reads_unless_the_step_says_that_it_writes(system: Solar) -> None:
    (claim,) = follow(
        system, "{type: sql, component: database, statements: [SELECT 1, SELECT 2], within: 30 s, line: 154}"
    )
    assert claim.startswith("2 statements were executed in pod postgres-")
    said = complaint(system, "{type: sql, component: database, statements: [CREATE TABLE planted ()], line: 154}")
    assert "read-only transaction" in said
    follow(
        system,
        "{type: sql, component: database, statements: [CREATE TABLE planted (), DROP TABLE planted], writes: true}",
    )


def test_the_first_statement_that_fails_is_told_in_the_servers_words(system: Solar) -> None:
    said = complaint(system, "{type: sql, component: database, statements: [SELECT nothing FROM nowhere], line: 360}")
    assert said.startswith(
        "sql database SELECT nothing FROM nowhere (000_ba0f937aa1074294.txt:360): expected exit code"
    )
    assert 'relation "nowhere" does not exist' in said


def test_keys_of_a_pattern_are_deleted_and_no_others(system: Solar) -> None:
    follow(
        system,
        "{type: redis, component: cache, command: [SET, 'cache:a', x], writes: true}",
        "{type: redis, component: cache, command: [SET, 'other:a', x], writes: true}",
    )
    assert follow(system, "{type: redis_delete, component: cache, pattern: 'cache:*', line: 174}") == [
        "1 keys of cache:* are deleted"
    ]
    follow(system, "{type: redis, component: cache, command: [GET, 'other:a']}")
    follow(system, "{type: redis, component: cache, command: [DEL, 'other:a'], writes: true}")


def test_a_no_of_redis_is_a_failed_step(system: Solar) -> None:
    said = complaint(
        system, "{type: redis, component: cache, command: [CONFIG, SET, nothing, x], writes: true, line: 1}"
    )
    assert "expected exit code 0 of redis-cli CONFIG in pod redis-" in said
    assert "ERR" in said


def test_a_command_of_redis_that_may_write_must_say_so(system: Solar) -> None:
    with pytest.raises(ConfigError, match="FLUSHALL may change data: say writes: true, or use a command that only"):
        steps(system.policy, "{type: redis, component: cache, command: [FLUSHALL]}")


def test_a_helper_pod_is_gone_again_whatever_became_of_its_command(system: Solar) -> None:
    psql = (
        "{type: run_pod, component: database, image: 'postgres:18', env: {PGHOST: postgres, PGUSER: solar_pv_user}, "
        "secrets: {PGPASSWORD: solar-secrets/DATABASE_PASSWORD}, within: 60 s, "
        "command: [psql, -d, solar_pv_db, -c, SELECT 1], line: 153}"
    )
    assert follow(system, psql) == ["psql ended with 0 in a pod of postgres:18"]
    said = complaint(system, psql.replace("SELECT 1", "SELECT nothing"))
    assert "expected exit code 0 of psql in a pod of postgres:18, found 1: ERROR:" in said
    said = complaint(system, psql.replace("postgres:18", "no-such-image:1").replace("60 s", "2 s"))
    assert "found it Pending (ErrImagePull)" in said or "found it Pending (ImagePullBackOff)" in said

    async def left(kube: Kube) -> list[str]:
        return [pod["metadata"]["name"] for pod in await kube.list(path_of("pods", NAMESPACE), labels=LABEL)]

    assert system.on_kube(left) == []


def test_a_secret_is_named_and_never_written_down(system: Solar) -> None:
    text = "{type: run_pod, component: database, image: 'postgres:18', command: [psql], secrets: {PGPASSWORD: s3cret}}"
    with pytest.raises(ConfigError, match="PGPASSWORD: expected SECRET/KEY of a Kubernetes Secret") as caught:
        steps(system.policy, text)
    assert "s3cret" not in str(caught.value)
