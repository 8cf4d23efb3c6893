"""Its place makes ``tests/`` importable, so that every folder finds ``tools``."""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

# Jobs in the background of a script start with SIGINT ignored, which their children inherit: then
# nothing could show that Ctrl-C cleans up.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test may depend on how busy the machine is; and what fails in CI must fail there again, so that
# new examples are looked for at the desk.
settings.register_profile(
    "tinyproof",
    deadline=None,
    derandomize=bool(os.environ.get("TINYPROOF_REQUIRE_TOOLS")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tinyproof")
