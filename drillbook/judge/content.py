"""Tables after a recovery, held against the ground truth that was recorded before the fault; pure.

A table that somebody wrote to while nothing was broken can't be compared row by row: what was acknowledged of it is
the ledger's to judge, and here it only must not have become shorter.
"""

from __future__ import annotations

from collections.abc import Iterator

from drillbook.model.content import Content


def growing(first: Content, second: Content) -> frozenset[str]:
    """The tables that changed between two looks before the fault."""
    return frozenset(name for name in {*first, *second} if first.get(name) != second.get(name))


def changed_tables(before: Content, after: Content, written_to: frozenset[str]) -> Iterator[str]:
    """A sentence for each table that isn't what it was."""
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if new is None and old is not None:
            yield f"table {name} is gone, it had {old.rows:,} rows"
        elif old is None and new is not None:
            yield f"table {name} is new"
        elif old is None or new is None or old == new:
            continue
        elif name in written_to:
            if new.rows < old.rows:
                yield f"table {name} has {new.rows:,} rows, before the fault it had {old.rows:,}"
        elif new.rows != old.rows:
            yield f"table {name} has {new.rows:,} rows, before the fault it had {old.rows:,} and nobody wrote to it"
        else:
            yield f"table {name} has its {new.rows:,} rows, and they hold something else than before the fault"
