# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reads pickles without running anything in them.

A pickle is a program: it may import any function and call it. Here its instructions only move data about. Numbers,
texts and containers come out as they are; a class or function becomes its `Named` name; an object of any class becomes
an `Inert` object; and the few calls that checkpoints need are looked up in a table. A call that is not in it, and the
name of any part of Python itself that no checkpoint needs (`os.system`, `builtins.eval`), is refused by name.

Why not `pickle.Unpickler` with a limited `find_class`: what it finds is real, so a pickle may still set attributes on
it, and one wrong byte may make it fill all memory. Why not `torch.load(weights_only=True)`: it refuses whole modules,
and before PyTorch 2.6 it could be made to run code (CVE-2025-32434).
"""

from __future__ import annotations

import pickle
import pickletools
from collections.abc import Callable, Mapping, Sized
from typing import Any, BinaryIO, NoReturn

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.zoo.formats import pickle_values
from face_detect_ros.zoo.formats.pickle_values import Call, Inert, Named

_LONGEST_NAME = 1000  # bytes
# A training checkpoint of YOLOv9-e, the largest known, has 350,000 instructions and makes 100,000 objects. A pickle
# of a few megabytes could have millions, and an empty set takes 216 bytes of memory for one byte of file.
_MOST_WORK = 3_000_000
_MOST_OBJECTS = 500_000
_TEXT_BYTES = 64  # of a text or bytes count as one unit of work


def read(file: BinaryIO, source: str, calls: Mapping[str, Call], persistent: Call) -> Any:
    """Returns what was pickled at the position of `file`, which is left behind it.

    Time and memory are bounded: a pickle with more instructions or objects than the largest known checkpoint by far
    is refused.

    Args:
        file: opened for reading; should be in memory, as it is read by single bytes.
        source: what errors begin with.
        calls: what replaces a call, by "module.name"; may raise ValueError.
        persistent: what replaces a persistent id; may raise ValueError.

    Raises:
        WeightsError: the pickle is damaged, or something in it is refused.
    """
    return _Machine(source, {**pickle_values.CALLS, **calls}, persistent).run(file)


class _Machine:
    """Runs one pickle: a stack, marks on it, and a memory."""

    def __init__(self, source: str, calls: Mapping[str, Call], persistent: Call) -> None:
        self._source = source
        self._calls = calls
        self._persistent = persistent
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memory: dict[int, Any] = {}
        self._work = 0
        self._objects = 0

    def run(self, file: BinaryIO) -> Any:
        try:
            while (code := file.read(1)) != pickle.STOP:
                if not code:
                    raise ValueError("ends early")
                if code not in _INSTRUCTIONS:
                    raise ValueError(
                        f"byte {file.tell() - 1} is {code!r}, which is not an instruction that PyTorch writes"
                    )
                self._count_work(1)
                read_argument, carry_out, makes_object = _INSTRUCTIONS[code]
                if makes_object:
                    self._count_object()
                carry_out(self, read_argument(file) if read_argument else None)
            if self._marks or len(self._stack) != 1:
                raise ValueError("ends in the middle of something")
        except (ValueError, OverflowError, MemoryError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise WeightsError(f"{self._source}: damaged: {reason:.200}") from error
        return self._pop()

    def _count_work(self, units: int) -> None:
        self._work += units
        if self._work > _MOST_WORK:
            raise ValueError("it has more instructions than any model needs")

    def _count_object(self) -> None:
        self._objects += 1
        if self._objects > _MOST_OBJECTS:
            raise ValueError("it makes more objects than any model needs")

    def _count_arguments(self, arguments: tuple) -> None:
        """A call may copy its arguments, which one instruction can name again and again."""
        for argument in arguments:
            if isinstance(argument, Sized):
                size = len(argument)
                self._count_work(size // _TEXT_BYTES if isinstance(argument, (str, bytes)) else size)

    # the stack

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise ValueError("the pickle takes more than it has")
        return self._stack.pop()

    def _top(self) -> Any:
        value = self._pop()
        self._push(value)
        return value

    def _mark(self, _: Any) -> None:
        self._marks.append(len(self._stack))

    def _since_mark(self) -> list[Any]:
        if not self._marks:
            raise ValueError("the pickle ends a list that it did not begin")
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    # what instructions do

    def _discard(self, _: Any) -> None:
        self._pop()

    def _discard_since_mark(self, _: Any) -> None:
        self._since_mark()

    def _tuple(self, length: int) -> None:
        self._push(tuple(reversed([self._pop() for _ in range(length)])))

    def _put(self, index: int | None) -> None:
        self._memory[len(self._memory) if index is None else index] = self._top()

    def _get(self, index: int) -> None:
        if index not in self._memory:
            raise ValueError("the pickle refers to something that it did not keep")
        self._push(self._memory[index])

    def _append(self, items: list[Any]) -> None:
        target = self._top()
        if isinstance(target, Inert):
            target = target.elements
        if not isinstance(target, list):
            raise ValueError("the pickle appends to something that is not a list")
        target.extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self._top()
        if isinstance(target, Inert):
            target = target.mapping
        if not isinstance(target, dict) or len(items) % 2:
            raise ValueError("the pickle sets items of something that is not a dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[pickle_values.key(key)] = value

    def _add_items(self, items: list[Any]) -> None:
        target = self._top()
        if not isinstance(target, set):
            raise ValueError("the pickle adds to something that is not a set")
        target.update(pickle_values.key(item) for item in items)

    def _global(self, names: tuple[str, str]) -> None:
        self._name(*names)

    def _stack_global(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        self._name(module, name)

    def _name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("the pickle names something that is not text")
        named = Named(pickle_values.PYTHON_2.get(module, module), name)
        if pickle_values.is_refused(named, self._calls.__contains__):
            self._refuse(named, "names")
        self._push(named)

    def _reduce(self, _: Any) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, Named) or not isinstance(arguments, tuple):
            raise ValueError("the pickle calls something that has no name")
        call = self._calls.get(str(function))
        if call is not None:
            self._count_arguments(arguments)
            try:
                self._push(call(*arguments))
            except TypeError as error:
                raise ValueError(f"{function} is called with the wrong arguments") from error
        elif pickle_values.keeps_its_arguments(function):
            self._push(Inert(function, arguments))
        else:
            self._refuse(function, "calls")

    def _new(self, _: Any) -> None:
        arguments, kind = self._pop(), self._pop()
        if not isinstance(kind, Named) or not isinstance(arguments, tuple):
            raise ValueError("the pickle makes an object of something that is not a class")
        self._push(Inert(kind, arguments))

    def _new_with_keywords(self, _: Any) -> None:
        self._pop()
        self._new(None)

    def _build(self, _: Any) -> None:
        state = self._pop()
        target = self._top()
        if isinstance(target, Inert):
            target.state = state
        elif not isinstance(target, (dict, set)):  # what else such an OrderedDict knew is of no use
            raise ValueError(f"the pickle sets attributes of a {type(target).__name__}")

    def _persistent_id(self, _: Any) -> None:
        self._push(self._persistent(self._pop()))

    def _refuse(self, named: Named, does: str) -> NoReturn:
        raise WeightsError(
            f"{self._source}: the file {does} {str(named)!r:.120}, which no checkpoint needs: it may be malicious; "
            "nothing in it was run"
        )


_VALUES = (
    "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
)  # fmt: skip
_NEW: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}


_MAKES_OBJECT = {
    "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET", "REDUCE", "NEWOBJ",
    "NEWOBJ_EX", "STACK_GLOBAL", "BINPERSID",
}  # fmt: skip


def _pushes(make: Callable[[], Any]) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine._push(make())


_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "MARK": _Machine._mark,
    "POP": _Machine._discard,
    "POP_MARK": _Machine._discard_since_mark,
    "DUP": lambda machine, _: machine._push(machine._top()),
    "TUPLE": lambda machine, _: machine._push(tuple(machine._since_mark())),
    "TUPLE1": lambda machine, _: machine._tuple(1),
    "TUPLE2": lambda machine, _: machine._tuple(2),
    "TUPLE3": lambda machine, _: machine._tuple(3),
    "FROZENSET": lambda machine, _: machine._push(set(map(pickle_values.key, machine._since_mark()))),
    "BINPUT": _Machine._put,
    "LONG_BINPUT": _Machine._put,
    "MEMOIZE": lambda machine, _: machine._put(None),
    "BINGET": _Machine._get,
    "LONG_BINGET": _Machine._get,
    "APPEND": lambda machine, _: machine._append([machine._pop()]),
    "APPENDS": lambda machine, _: machine._append(machine._since_mark()),
    "SETITEM": lambda machine, _: machine._set_items([*reversed([machine._pop(), machine._pop()])]),
    "SETITEMS": lambda machine, _: machine._set_items(machine._since_mark()),
    "ADDITEMS": lambda machine, _: machine._add_items(machine._since_mark()),
    "STACK_GLOBAL": _Machine._stack_global,
    "REDUCE": _Machine._reduce,
    "NEWOBJ": _Machine._new,
    "NEWOBJ_EX": _Machine._new_with_keywords,
    "BUILD": _Machine._build,
    "BINPERSID": _Machine._persistent_id,
    **dict.fromkeys(_VALUES, _Machine._push),
    **{name: _pushes(make) for name, make in _NEW.items()},
}


def _two_lines(file: Any) -> tuple[str, str]:
    module, name = (file.readline(_LONGEST_NAME) for _ in range(2))
    if not (module.endswith(b"\n") and name.endswith(b"\n")):
        raise ValueError("a name without end")
    return module[:-1].decode(), name[:-1].decode()


# by code: how its argument is read from a file, what it does, and whether it makes an object
_INSTRUCTIONS: dict[bytes, tuple[Any, Callable[[_Machine, Any], None], bool]] = {
    opcode.code.encode("latin1"): (
        opcode.arg.reader if opcode.arg else None, _STEPS[opcode.name], opcode.name in _MAKES_OBJECT
    )
    for opcode in pickletools.opcodes
    if opcode.name in _STEPS
}  # fmt: skip
_INSTRUCTIONS[pickle.GLOBAL] = (
    _two_lines,
    _Machine._global,
    True,
)  # pickletools would read escapes into names
