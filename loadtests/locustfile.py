"""Press a system with the requests that its policy names, at a constant rate of arrivals, and judge its own limits.

    locust -f loadtests/locustfile.py --headless -u 5 -t 10s --system solar

The exit code is 0 when every limit on latency and errors held, 1 when one was broken, 3 when there were too few
requests to tell. Options: --system, --environment, --sandbox, --rate (or DRILLBOOK_SYSTEM, ... in the environment).
"""

from drillbook.load.locusting import Caller

__all__ = ["Caller"]
