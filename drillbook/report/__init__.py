"""Reports: ``run.json`` from the records, and every other format from ``run.json``.

A command records its run as it goes::

    with recording("check", policy, environment, on_end=show) as run:
        run.add_verdicts(verdicts)
    sys.exit(run.exit_code)

``recording`` is in ``recorder``, ``show`` in ``terminal``; nothing heavy is imported before it is needed.
"""
