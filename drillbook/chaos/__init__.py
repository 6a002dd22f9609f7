"""The Chaos Toolkit doorway: thin actions, probes and a control, for experiments that plain ``chaos run`` accepts too.

Chaos Toolkit ignores what a probe in the method says, goes on after an action that failed, and calls both completed. So
whatever must stop a run here interrupts it, with a sentence, and nothing ever returns None.
"""
