"""The explorer: faults, load and documented procedures in any order, in a sandbox, until something promised breaks."""
