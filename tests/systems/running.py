"""How tests ask a system that runs in a sandbox."""

from __future__ import annotations

import os
import subprocess


class Kubectl:
    """The real kubectl, pointed at one sandbox."""

    def __init__(self, kubeconfig: str) -> None:
        self.kubeconfig = kubeconfig

    def __call__(self, *words: str) -> str:
        """What it printed; fails with what it said where it ends with anything but 0."""
        env = os.environ | {"KUBECONFIG": self.kubeconfig}
        done = subprocess.run(["kubectl", *words], env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout
