"""Proofs of drills: each is seen to fail, for the reason that was planted in its recovery."""
