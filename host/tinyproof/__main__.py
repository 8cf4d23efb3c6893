"""``python -m tinyproof``: the command line."""

from __future__ import annotations

import sys

from tinyproof.cli import main

sys.exit(main())
