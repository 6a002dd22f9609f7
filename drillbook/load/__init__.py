"""The Locust doorway: bounded load on any system, from its policy's routes, judged by its policy's limits.

Locust runs in a process of its own, because gevent changes the standard library of whatever process it is loaded into.
Arrivals are scheduled and latencies recorded here, from the moment that each request was due: Locust's own users wait
for their answers, and its percentiles are rounded to two digits.
"""
