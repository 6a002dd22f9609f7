"""Drills: break something on purpose, watch the recovery, judge it, put it back.

``drill`` has the order of things; ``before``, ``injection`` and ``after`` are its steps; the rest is one tool each.
"""
