# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What programs write into a terminal."""

import os


def shown_until_closed(leader: int) -> str:
    """All that is written into the pseudo-terminal until its other side is closed; `leader` is closed then."""
    shown = b""
    try:
        while chunk := os.read(leader, 4096):
            shown += chunk
    except OSError:  # how Linux tells of the end
        pass
    finally:
        os.close(leader)
    return shown.decode()
