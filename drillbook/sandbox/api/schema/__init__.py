"""The fields of the built-in kinds, as compact tables: read lazily, in a few milliseconds.

One block per type: its name, then its fields as ``name type``. ``name!`` is required. Types are ``string``,
``integer``, ``number``, ``boolean``, ``time``, ``microtime``, ``bytes``, ``quantity``, ``int-or-string``, ``any``,
another type's name, ``[]x`` for a list and ``{}x`` for a map; ``x?`` tells an empty value from none.

``merge=key`` says by which key strategic merge patches pair the entries of a list (a bare ``merge``: a list of
primitives that is merged as a set), ``keep`` that ``$retainKeys`` applies. ``#n`` is the field's number in the binary
encoding, ``#m.n`` that of a field inside the nameless message ``m``.
"""
