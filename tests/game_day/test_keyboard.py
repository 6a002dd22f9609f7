"""The keys of a game day: one by one from a terminal, lines from anything else, and the terminal is as it was after."""

from __future__ import annotations

import os
import pty
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from drillbook.cli.keyboard import HELD_SECONDS, Keyboard, interrupt
from drillbook.drills.manual import Word

LOCAL = 3
"""Where ``tcgetattr`` has the flags that say whether keys are echoed and kept until the line's end."""


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The person's side of a terminal, and the program's."""
    person, program = pty.openpty()
    yield person, program
    for handle in (person, program):
        with suppress(OSError):
            os.close(handle)


def test_a_key_is_a_word_at_once_and_others_are_none(terminal: tuple[int, int]) -> None:
    person, program = terminal
    with Keyboard(program) as keys:
        for typed, word in (
            (b"\n", Word.DONE),
            (b"s", Word.SKIPPED),
            (b"x", None),
            (b"\x1b[A", None),
            (b"\r", Word.DONE),
        ):
            time.sleep(HELD_SECONDS)
            os.write(person, typed)
            assert keys.word(0.5 if word is None else 5) is word


def test_a_key_that_is_held_or_hit_twice_claims_one_step(terminal: tuple[int, int]) -> None:
    person, program = terminal
    with Keyboard(program) as keys:
        for _ in range(5):
            os.write(person, b"\n")
            time.sleep(0.03)
        assert keys.word(5) is Word.DONE
        assert keys.word(0.2) is None


def test_what_was_typed_before_a_step_was_shown_does_not_claim_it(terminal: tuple[int, int]) -> None:
    person, program = terminal
    with Keyboard(program) as keys:
        os.write(person, b"\n")
        time.sleep(0.2)
        keys.forget()
        assert keys.word(0.1) is None


def test_the_stop_key_stops_from_a_terminal_and_from_a_line(terminal: tuple[int, int]) -> None:
    person, program = terminal
    stopped = threading.Event()
    with Keyboard(program, stopped.set):
        os.write(person, b"q")
        assert stopped.wait(5)
    stopped.clear()
    reading, writing = os.pipe()
    with Keyboard(reading, stopped.set):
        os.write(writing, b"q\n")
        assert stopped.wait(5)


def test_the_stop_key_is_a_ctrl_c() -> None:
    threading.Timer(0.1, interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        time.sleep(5)


def test_the_terminal_is_as_it_was_also_after_a_failure(terminal: tuple[int, int]) -> None:
    _, program = terminal
    before = termios.tcgetattr(program)

    def fail_meanwhile() -> None:
        with Keyboard(program):
            meanwhile = termios.tcgetattr(program)
            assert not meanwhile[LOCAL] & (termios.ECHO | termios.ICANON)
            assert meanwhile[LOCAL] & termios.ISIG, "Ctrl-C must go on being one"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_meanwhile()
    assert termios.tcgetattr(program) == before


def test_nobody_is_there_at_the_end_of_a_file_and_at_a_terminal_that_was_closed(terminal: tuple[int, int]) -> None:
    with Path(os.devnull).open("rb") as nothing, Keyboard(nothing.fileno()) as keys:
        assert not keys.is_there
    person, program = terminal
    with Keyboard(program) as keys:
        assert keys.is_there
        os.close(person)
        deadline = time.monotonic() + 5
        while keys.is_there and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not keys.is_there
        assert keys.word(0) is None


def test_lines_are_words_however_they_are_cut() -> None:
    reading, writing = os.pipe()
    with Keyboard(reading) as keys:
        for part in (b"\ns", b"\nno such word\n", b"\n"):
            os.write(writing, part)
            time.sleep(0.05)
        assert [keys.word(1) for _ in range(3)] == [Word.DONE, Word.SKIPPED, Word.DONE]
        os.close(writing)
        deadline = time.monotonic() + 5
        while keys.is_there and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not keys.is_there
