"""Table output: the columns that people know from ``kubectl get``."""
