"""Proof: every check of a system is seen to fail once, for the reason it is there for, and to pass again.

A check that can't fail promises nothing. So a violation is planted in a sandbox, one objective at a time; the check
must turn red, no unrelated one may, and once the violation is gone all must be green again.
"""
