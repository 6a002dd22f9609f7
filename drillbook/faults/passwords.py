"""A role's password as the server keeps it: a verifier, made on this side, so that no statement holds a password.

``ALTER ROLE ... PASSWORD 'clear'`` stands in ``pg_stat_statements`` and in the server's log as it was sent, for
everybody to read who may read those. PostgreSQL takes a verifier in the same place and keeps it as it is, so an old
one can be put back without its password being known. Even a verifier is better not written down, so the session asks
to be left out of logs and statistics, where it may ask that.
"""

# Every text that goes into a statement is ours, or quoted.
# ruff: noqa: S608

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final

from drillbook.errors import Refused
from drillbook.faults.sql import Database, literal, quoted

ITERATIONS: Final = 4096
"""PostgreSQL's own ``scram_iterations``, unless somebody changed it."""
SALT_BYTES: Final = 16
_READABLE: Final = "SELECT has_table_privilege('pg_authid', 'SELECT') AS may"
_QUIET: Final = {
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "log_min_error_statement": "panic",
    "pg_stat_statements.track": "none",
    "pg_stat_statements.track_utility": "off",
}
"""What would write a statement down, and how a session is left out of it."""


def scram_verifier(password: str, salt: bytes = b"") -> str:
    """What PostgreSQL keeps of a password in ASCII: ``SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY`` (RFC 5803).

    Without ``salt``, with a random one. Other characters than ASCII would have to be prepared first (SASLprep).
    """
    salt = salt or secrets.token_bytes(SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(one).decode() for one in (salt, stored, server))
    return f"SCRAM-SHA-256${ITERATIONS}:{salt64}${stored64}:{server64}"


async def refuse_unreadable_verifier(database: Database) -> None:
    """Raises Refused where the role may not read what the server keeps: then nobody could put the old one back."""
    if not (await database.row(_READABLE))["may"]:
        raise Refused(
            f"role {database.user} may not read pg_authid in {database.place}, so its old password could be put back "
            "only by sending it in clear, into the server's logs and statistics"
        )


async def verifier_of(database: Database) -> str | None:
    """What the server keeps of the role's password; None where it has none. Not to be shown, nor written down."""
    query = f"SELECT rolpassword AS verifier FROM pg_authid WHERE rolname = {literal(database.user)}"
    found = (await database.row(query))["verifier"]
    return None if found is None else str(found)


async def set_verifier(database: Database, verifier: str | None) -> None:
    """Let the role have the password of that verifier; none of it is told to logs and statistics where that may be."""
    # One by one: who may change one of them may not another, and an older server doesn't know all.
    asked = "\n".join(
        f"DO $$ BEGIN PERFORM set_config({literal(name)}, {literal(value)}, false); "
        "EXCEPTION WHEN insufficient_privilege OR undefined_object THEN NULL; END $$;"
        for name, value in _QUIET.items()
    )
    new = "NULL" if verifier is None else literal(verifier)
    await database.run(f"{asked}\nALTER ROLE {quoted(database.user)} PASSWORD {new};\n")
