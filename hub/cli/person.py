"""Names the person at the terminal, for what is written down under their name."""

from __future__ import annotations

import os
import socket


def who() -> str:
    """Name the person and the machine."""
    try:
        import pwd

        person = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        person = "?"
    return f"{person}@{socket.gethostname()}"
