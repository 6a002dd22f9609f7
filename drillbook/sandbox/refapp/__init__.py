"""The reference service: it stands for a system's own API, front end, worker and queue monitor.

It starts in tenths of a second, because a sandbox starts eight of them at once and a drill waits for the ninth: so it
has an HTTP server and a Redis client of its own, and loads the PostgreSQL driver after it listens. Its writes are real:
an order is acknowledged after its COMMIT returned, and a task is executed at least once.
"""
