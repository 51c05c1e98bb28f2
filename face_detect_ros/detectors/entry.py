# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the catalogue says of one detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Task = Literal["faces", "objects"]
TASKS: tuple[str, ...] = get_args(Task)


ONLY_FLOAT32 = ("auto", "float32")
ANY_PRECISION = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class CatalogueEntry:
    """One named detector.

    Attributes:
        name: What users write (see `usage`).
        task: "faces" or "objects".
        factory: "module:function"; see the module.
        license: Of the weights (code and weights where they differ).
        description: One line for lists.
        takes_file: Users write "name:path", or may do so where there is a checkpoint.
        file_is: What the path names, for
            lists.
        tried_first: Such a file is native code's to interpret, so its first run happens in a process of its own.
        checkpoint: Name of its weights in `zoo.published.checkpoints`, or empty.
        packaged: Name of its weights in `zoo.published.packaged`, or empty.
        precisions: Numbers it can compute in.
        engines: Those that can compute it; empty where it brings its own code.
        own_code: It has code of its own too, for machines where none of these engines is installed.
        takes_text: It finds what the text `classes` names.
        score_threshold: Lowest score that is published unless somebody says otherwise; 0: the task's.
    """

    name: str
    task: Task
    factory: str
    license: str
    description: str
    takes_file: bool = False
    file_is: str = "FILE"
    tried_first: bool = False
    checkpoint: str = ""
    packaged: str = ""
    precisions: tuple[str, ...] = ONLY_FLOAT32
    engines: tuple[str, ...] = ()
    own_code: bool = False
    takes_text: bool = False
    score_threshold: float = 0.0

    @property
    def needs_file(self) -> bool:
        """Whether users must name a file of theirs."""
        return self.takes_file and not self.checkpoint

    @property
    def usage(self) -> str:
        """What users write: "dlib_hog", "scrfd:FILE"."""
        return f"{self.name}:{self.file_is}" if self.needs_file else self.name
