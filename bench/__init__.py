"""How fast things are: one small file per measurement in ``measurements/``, one line each in ``catalogue``.

``python -m bench`` takes them all and prints a table of medians beside what was promised; ``--only NAME`` takes some.
"""
