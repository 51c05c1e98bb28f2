# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The object store in memory: one for all tests of a process, whichever they are and in whatever order."""


def empty_memory():
    """The store, without what earlier tests have left in it."""
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    return memory
