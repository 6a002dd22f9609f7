"""Records in, Verdict out; pure."""

from drillbook.judge.objectives import judge
from drillbook.judge.waivers import WaiverReport, apply_waivers, waiver_lines, waiver_report
from drillbook.judge.wording import failure_text

__all__ = ["WaiverReport", "apply_waivers", "failure_text", "judge", "waiver_lines", "waiver_report"]
