"""The HTML page at `/`: apps, their tasks and health, deployments and recent events.

A single file without external resources. It uses the same interface as any client, every two seconds.
"""

from pathlib import Path

PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
"""The whole page."""
