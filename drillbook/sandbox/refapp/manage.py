"""``python manage.py``, as far as runbooks call it: notes down who may administer the service."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from drillbook.sandbox.refapp.engine import engine

USAGE: Final = "usage: manage.py createsuperuser"
TABLE: Final = (
    b"CREATE TABLE IF NOT EXISTS superusers (name text PRIMARY KEY, since timestamptz NOT NULL DEFAULT now())"
)
INSERT: Final = b"INSERT INTO superusers (name) VALUES (%s) ON CONFLICT DO NOTHING"


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code.

    Whoever isn't at a terminal can't be asked for a name; then nothing is done, and that is no failure: so the
    frameworks have it from which services have this command.
    """
    if list(arguments) != ["createsuperuser"]:
        print(USAGE, file=sys.stderr)
        return 2
    if not sys.stdin.isatty():
        print("No superuser was made: there is no terminal to ask at; use kubectl exec with -it.")
        return 0
    import psycopg

    name = input("Name: ").strip()
    if not name:
        print("manage.py: expected a name, found none", file=sys.stderr)
        return 1
    try:
        with engine.connect() as connection:
            connection.execute(TABLE)
            made = connection.execute(INSERT, (name,)).rowcount
    except psycopg.Error as error:
        print(f"manage.py: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    print(f"Superuser {name} {'made' if made else 'was there already'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
