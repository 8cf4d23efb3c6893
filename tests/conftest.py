"""Its place makes ``tests/`` importable, so that every folder finds ``tools``."""

from __future__ import annotations

import signal

# Jobs in the background of a script start with SIGINT ignored, which their children inherit: then
# nothing could show that Ctrl-C cleans up.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
