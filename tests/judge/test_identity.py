"""Certificates and credentials after a recovery: new, actually served, and the old ones refused."""

from __future__ import annotations

from drillbook.judge.identity import CertificateSight, certificate_problems, credential_problems
from drillbook.model.verdict import Status
from tests.judge.test_drill import judged


def problems(before: str, kept: str, served: str, renewed: bool) -> list[str]:
    return list(certificate_problems(CertificateSight(before, kept, served), renewed=renewed))


def test_a_new_certificate_that_is_served_is_all_that_is_wanted() -> None:
    assert problems("A", "B", "B", renewed=True) == []
    assert problems("A", "A", "A", renewed=False) == []


def test_a_renewed_secret_that_nobody_reloaded_is_not_renewed() -> None:
    (said,) = problems("A", "B", "A", renewed=True)
    assert said.startswith("the certificate with serial B is kept and one with serial A is served")


def test_a_procedure_that_renews_nothing_is_told() -> None:
    assert problems("A", "A", "A", renewed=True) == [
        "the certificate was not renewed: its serial is A, as before the fault"
    ]


def test_old_credentials_that_still_work_fail_the_drill() -> None:
    assert list(credential_problems(old_works=False)) == []
    found = judged(identity_problems=tuple(credential_problems(old_works=True)))
    assert (found.status, found.reason) == (Status.FAIL, "the old credentials still work after the rotation")
