"""Measures the page of a run of 10,052 samples: its size, and how long Chromium takes to open it.

python tests/bench/report_page.py      needs Debian's chromium; docs/measuring.md has the figures
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "host"))

from playwright.sync_api import Browser, sync_playwright
from report_pages import digits_run, reported, with_everything

from tinyproof.report.html import render_html

REPEATS = 5


def opening_seconds(browser: Browser, file: Path) -> float:
    """Return how long a new window takes until the page's ``load`` event."""
    with browser.new_context().new_page() as page:
        start = time.perf_counter()
        page.goto(file.as_uri(), wait_until="load")
        return time.perf_counter() - start


def main() -> None:
    """Write the page, open it a few times, and print both figures."""
    report, evidence = reported(with_everything(digits_run(wrong=3_000, repeat=28)))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "report.html"
        file.write_text(render_html(report, evidence))
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        times = [opening_seconds(browser, file) for _ in range(REPEATS)]
        size = file.stat().st_size
        browser.close()
    print(f"{report.samples:,} samples: {size:,} bytes")
    print(
        f"opened in {statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f}, "
        f"n = {REPEATS}), load average {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
