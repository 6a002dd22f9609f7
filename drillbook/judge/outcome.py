"""What one look at a post-condition comes to: it holds, it doesn't, or nobody could see; pure."""

from __future__ import annotations

from dataclasses import dataclass

from drillbook.model.verdict import Status


@dataclass(frozen=True, slots=True)
class Outcome:
    """A status and the sentence that says why."""

    status: Status
    sentence: str

    @property
    def settled(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.status is Status.PASS


def holds(sentence: str) -> Outcome:
    """It was seen to be true."""
    return Outcome(Status.PASS, sentence)


def broken(sentence: str) -> Outcome:
    """It was seen not to be true."""
    return Outcome(Status.FAIL, sentence)


def unseen(sentence: str) -> Outcome:
    """Nobody could see, and why."""
    return Outcome(Status.INCONCLUSIVE, sentence)
