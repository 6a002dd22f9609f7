"""Frozen records that move along the arrow: policy, observation, verdict, finding, timeline, run. No I/O."""
