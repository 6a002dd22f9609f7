"""What a drill failed of, read off its deciding sentence: the part of a report that people go by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Failed(StrEnum):
    """Of what."""

    NOT_RECOVERED = "not recovered"
    OBJECTIVE = "objective"
    """One doesn't hold after the recovery."""
    POST_CONDITION = "post-condition"
    """Something that must be true after the procedure isn't."""
    STEP = "a step failed"
    """The procedure can't be followed to its end."""
    DATA = "data changed"
    WRITES = "lost writes"
    IDENTITY = "identity"
    """A certificate or a password is the old one."""
    CHANGED = "something changed"
    """An object that nothing in the drill speaks of."""
    ANOTHER = "another reason"


_SENTENCES: Final[Mapping[Failed, re.Pattern[str]]] = {
    Failed.NOT_RECOVERED: re.compile(r"not recovered: |recovered only after "),
    Failed.OBJECTIVE: re.compile(r"after the recovery \S+ fails: "),
    Failed.POST_CONDITION: re.compile(r"\S+:[0-9-]+ wants [a-z_]+"),
    Failed.STEP: re.compile(r"the procedure can't be followed to its end: "),
    Failed.DATA: re.compile(r"the data is not what it was: "),
    Failed.WRITES: re.compile(r".* acknowledged writes are lost|.* writes are stored "),
    Failed.IDENTITY: re.compile(r"the certificate |the old credentials "),
    Failed.CHANGED: re.compile(r"something else is changed: "),
}


def failed_of(reason: str) -> Failed:
    """By how the sentence begins."""
    return next((what for what, words in _SENTENCES.items() if words.match(reason)), Failed.ANOTHER)
