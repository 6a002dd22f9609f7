"""Somebody's own system, in a fresh folder, with a program of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from drillbook.sandbox.lifecycle import down

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: default}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
        - name: shop
          image: registry.example.com/shop:v3
          readinessProbe: {httpGet: {path: /, port: 8000}, periodSeconds: 1}
"""
PROGRAM = """
import http.server, os
http.server.HTTPServer((os.environ["POD_IP"], 8000), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
IMAGES = r"""
apiVersion: drillbook/v1
kind: Images
images:
  - {image: registry.example.com/shop, tags: 'v\d+', command: [python3, ./shop.py]}
"""


@pytest.mark.slow
def test_a_program_of_ones_own_serves_behind_its_own_image_name(tmp_path: Path) -> None:
    system = tmp_path / "systems" / "shop"
    (system / "manifests").mkdir(parents=True)
    (system / "manifests" / "10-shop.yaml").write_text(MANIFEST, encoding="utf-8")
    (system / "shop.py").write_text(PROGRAM, encoding="utf-8")
    (system / "images.yaml").write_text(IMAGES, encoding="utf-8")
    command = [str(Path(sys.executable).parent / "drillbook"), "sandbox", "up", "shop", "--name", "own-shop"]
    try:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, done.stderr
        assert "everything Ready" in done.stdout
    finally:
        down("own-shop")
