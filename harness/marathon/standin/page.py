"""The page for people at `/`: apps, their tasks and health, deployments and what just happened.

One file that needs nothing from elsewhere. It asks the same interface as any client, every two seconds.
"""

from pathlib import Path

PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
"""The whole page."""
