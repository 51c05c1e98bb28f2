# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What tests of nodes need: a probe on the ROS network, nodes in this process, and nodes in processes of their own."""

import contextlib
import functools
import os
import re
import signal
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Log
from rcl_interfaces.srv import DescribeParameters, GetParameters, SetParameters, SetParametersAtomically
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from helpers.paths import ROOT

# generous: the machine may be busy with other things
PATIENCE_S = 90.0
DATA = ROOT.parent / "shared" / "data"

RELIABLE = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)

# where the face of skimage's astronaut is, in pixels of the 512x512 image
ASTRONAUT_FACE_XY = (223, 118)
PORTRAIT_FACE_XY = (123, 118)


@functools.cache
def astronaut():
    """(512, 512, 3) uint8 RGB: one frontal face."""
    skimage = pytest.importorskip("skimage.data", reason="scikit-image is not installed")
    picture = np.ascontiguousarray(skimage.astronaut())
    picture.setflags(write=False)
    return picture


@functools.cache
def portrait():
    """(240, 240, 3) uint8 RGB: the same face, in an image that a detector is done with soon."""
    picture = np.ascontiguousarray(astronaut()[:240, 100:340])
    picture.setflags(write=False)
    return picture


@functools.cache
def faceless(height=240, width=320):
    """(height, width, 3) uint8 RGB: a soft gradient."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 255 // height, columns * 255 // width, np.full_like(rows, 90)], 2).astype(
        np.uint8
    )


def fitted(picture, width, height):
    """The image, as large as fits, in the upper left corner of a gray width x height one; and its scale."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    canvas = np.full((height, width, 3), 60, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return canvas, scale


def image(picture, stamp_ns=1_700_000_000_123_456_789, frame_id="camera", **changes):
    """A sensor_msgs/Image written by hand, not by the code under test. `changes`: other fields."""
    message = Image(header=Header(frame_id=frame_id), height=picture.shape[0], width=picture.shape[1])
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
    message.encoding, message.step = "rgb8", picture.shape[1] * 3
    message.data = picture.tobytes()
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def compressed(picture, suffix=".jpg", stamp_ns=1_700_000_000_123_456_789, frame_id="camera"):
    """A sensor_msgs/CompressedImage of an RGB image."""
    message = CompressedImage(header=Header(frame_id=frame_id), format=suffix[1:])
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
    message.data = cv2.imencode(suffix, picture[..., ::-1])[1].tobytes()
    return message


def stamp_ns(header):
    return header.stamp.sec * 10**9 + header.stamp.nanosec


def wait_until(condition, what, timeout_s=PATIENCE_S):
    """The first truthy value of `condition()`; fails the test, saying `what` was awaited, if there is none."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    return pytest.fail(f"waited {timeout_s:g} s in vain for {what() if callable(what) else what}")


class Spinner:
    """An executor that works in a thread of its own."""

    def __init__(self, context):
        self.context = context
        self.executor = SingleThreadedExecutor(context=context)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._spin, name="spinner", daemon=True)
        self._thread.start()

    def _spin(self):
        with contextlib.suppress(ExternalShutdownException):
            while not self._end.is_set() and self.context.ok():
                self.executor.spin_once(timeout_sec=0.1)

    def stop(self):
        self._end.set()
        self._thread.join(PATIENCE_S)
        self.executor.shutdown(timeout_sec=1.0)


class Collection:
    """Messages of a subscription, in order of arrival."""

    def __init__(self, topic):
        self.topic = topic
        self.messages = []
        self.subscription = None

    def __len__(self):
        return len(self.messages)

    def wait(self, accept=None, *, count=1, timeout_s=PATIENCE_S):
        """The first `count` messages that `accept`; just the message for a count of 1."""

        def found():
            chosen = [m for m in list(self.messages) if accept is None or accept(m)]
            return chosen[:count] if len(chosen) >= count else None

        what = lambda: f"{count} message(s) on {self.topic}; {len(self.messages)} came"  # noqa: E731
        chosen = wait_until(found, what, timeout_s)
        return chosen[0] if count == 1 else chosen


class Probe:
    """A bystander on the ROS network with a thread of its own, and a context of its own unless one is given."""

    def __init__(self, name="probe", namespace="/probe", context=None):
        self.context = context or Context()
        self._owner = context is None
        if self._owner:
            rclpy.init(context=self.context)
        self.node = Node(name, namespace=namespace, context=self.context, start_parameter_services=False)
        self._spinner = Spinner(self.context)
        self._spinner.executor.add_node(self.node)
        self._clients = {}
        self._diagnostics = None
        # from the start and without history: late joiners of /rosout in one process sometimes get nothing more
        self._logs = self.collect("/rosout", Log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._spinner.stop()
        self.node.destroy_node()
        if self._owner:
            self.context.try_shutdown()

    # topics

    def collect(self, topic, kind, qos=RELIABLE):
        collection = Collection(topic)
        collection.subscription = self.node.create_subscription(kind, topic, collection.messages.append, qos)
        return collection

    def drop(self, collection):
        self.node.destroy_subscription(collection.subscription)

    def publisher(self, topic="/image_raw", kind=Image, qos=RELIABLE, subscribers=1):
        """A publisher that has already met its subscribers."""
        publisher = self.node.create_publisher(kind, topic, qos)
        wait_until(lambda: publisher.get_subscription_count() >= subscribers, f"a subscriber of {topic}")
        return publisher

    def send_until(self, publisher, message, condition, what, period_s=0.1):
        """Publish again and again until `condition()`."""

        def attempt():
            publisher.publish(message)
            deadline = time.monotonic() + period_s
            while time.monotonic() < deadline:
                if value := condition():
                    return value
                time.sleep(0.005)
            return None

        return wait_until(attempt, what)

    def publishers_of(self, topic):
        return self.node.get_publishers_info_by_topic(topic)

    def subscriptions_of(self, topic):
        return self.node.get_subscriptions_info_by_topic(topic)

    # services

    def call(self, kind, name, request, timeout_s=PATIENCE_S):
        if name not in self._clients:
            self._clients[name] = self.node.create_client(kind, name)
        client = self._clients[name]
        wait_until(client.service_is_ready, f"service {name}")
        future = client.call_async(request)
        wait_until(future.done, f"an answer of {name}", timeout_s)
        return future.result()

    def set_parameters(self, node, **values):
        """[(successful, reason)] in the order given."""
        request = SetParameters.Request(parameters=_parameter_messages(values))
        results = self.call(SetParameters, f"{node}/set_parameters", request).results
        return [(result.successful, result.reason) for result in results]

    def set_atomically(self, node, **values):
        request = SetParametersAtomically.Request(parameters=_parameter_messages(values))
        result = self.call(SetParametersAtomically, f"{node}/set_parameters_atomically", request).result
        return result.successful, result.reason

    def get_parameters(self, node, *names):
        answer = self.call(GetParameters, f"{node}/get_parameters", GetParameters.Request(names=names))
        return [parameter_value_to_python(value) for value in answer.values]

    def describe_parameters(self, node, *names):
        request = DescribeParameters.Request(names=names)
        return self.call(DescribeParameters, f"{node}/describe_parameters", request).descriptors

    def state(self, node):
        return self.call(GetState, f"{node}/get_state", GetState.Request()).current_state.label

    def wait_for_state(self, node, label):
        wait_until(lambda: self.state(node) == label, f"{node} to be {label}")

    def change_state(self, node, verb):
        """True if the transition succeeded."""
        transition = Transition(id=getattr(Transition, f"TRANSITION_{verb.upper()}"))
        request = ChangeState.Request(transition=transition)
        return self.call(ChangeState, f"{node}/change_state", request).success

    # reports

    def diagnostics(self, node, accept=lambda status: True):
        """Wait for a status of `node` ("/ns/name") that `accept`s it: (level, message, {key: value})."""
        if self._diagnostics is None:
            self._diagnostics = self.collect("/diagnostics", DiagnosticArray)
        name = node.lstrip("/")

        def newest():
            found = [
                _Status(s)
                for m in list(self._diagnostics.messages)
                for s in m.status
                if s.name.partition(": ")[0] == name
            ]
            return next((status for status in reversed(found) if accept(status)), None)

        seen = lambda: f"diagnostics of {name} to say it; the newest: {_newest(self._diagnostics, name)}"  # noqa: E731
        return wait_until(newest, seen)

    def logs(self, pattern="", level=0):
        """The texts of log messages since the probe began that match, at `level` or above."""
        found = [m for m in list(self._logs.messages) if m.level >= level]
        return [m.msg for m in found if re.search(pattern, m.msg)]

    def wait_for_log(self, pattern):
        return wait_until(
            lambda: self.logs(pattern), lambda: f"a log message like {pattern!r}; there are {self.logs()}"
        )[0]


class _Status:
    def __init__(self, message):
        self.ok = message.level == DiagnosticStatus.OK
        self.message = message.message
        self.hardware_id = message.hardware_id
        self.values = {item.key: item.value for item in message.values}

    def count(self, key):
        return int(self.values.get(key, 0))

    def __repr__(self):
        return f"{self.message!r} {self.values}"


def _statuses(collection, name):
    """Everything that the node `name` ("ns/name") has reported; a status is called "node: task"."""
    return [s for m in list(collection.messages) for s in m.status if s.name.partition(": ")[0] == name]


def _newest(collection, name):
    found = _statuses(collection, name)
    return _Status(found[-1]) if found else None


def _parameter_messages(values):
    return [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]


class LocalNode:
    """A node in this process, worked by the executor that the executables use, in a thread of its own.

    context: that of the probe. Two of them in one process now and then never discover some of each other's
    services (seen in 1 of 60 runs; in 0 of 200 between processes).
    `parameters` and `remaps` are those of the command line.
    """

    def __init__(self, make_node, context, *, parameters=None, remaps=None, namespace=None, **arguments):
        from face_detect_ros.ros import runtime

        words = ros_arguments(parameters, remaps, namespace)
        self.node = make_node(context=context, cli_args=words, **arguments)
        self._end = False
        self._executor = runtime.make_executor(context)
        self._executor.add_node(self.node)
        spin = functools.partial(runtime.spin, self._executor, context, until=lambda: self._end)
        self._thread = threading.Thread(target=spin, name="local_node", daemon=True)
        self._thread.start()

    @property
    def name(self):
        return self.node.get_fully_qualified_name()

    def stop(self):
        if self._end:
            return
        self._end = True
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the executor of the node hangs"
        self.node.stop(timeout_s=PATIENCE_S)
        # all that holds the node must go: the next one of its name would otherwise log through this one
        self._executor.remove_node(self.node)
        self._executor.shutdown()
        self.node.destroy_node()


def ros_arguments(parameters=None, remaps=None, namespace=None):
    """The command line's words for these settings."""
    words = []
    for name, value in (parameters or {}).items():
        text = str(value).lower() if isinstance(value, bool) else value
        words += ["-p", f"{name}:={text!r}" if isinstance(value, str) else f"{name}:={text}"]
    for old, new in (remaps or {}).items():
        words += ["-r", f"{old}:={new}"]
    if namespace:
        words += ["-r", f"__ns:={namespace}"]
    return ["--ros-args", *words] if words else []


class Executable:
    """`python -m face_detect_ros.ros.start MODULE` in a process group of its own."""

    def __init__(self, module, *, parameters=None, remaps=None, namespace=None, environment=None):
        words = ros_arguments(parameters, remaps, namespace)
        self._output = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "face_detect_ros.ros.start", module, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self):
        return self._process.pid

    @property
    def output(self):
        return "".join(self._output)

    def _read(self):
        for line in self._process.stdout:
            self._output.append(line)

    def wait_for_output(self, pattern):
        def found():
            match = re.search(pattern, self.output)
            if match is None and self._process.poll() is not None:
                pytest.fail(
                    f"ended with {self._process.returncode} before it said {pattern!r}:\n{self.output}"
                )
            return match

        return wait_until(found, lambda: f"{pattern!r} in:\n{self.output}")

    def wait(self, timeout_s=PATIENCE_S):
        """The exit status, when it ends."""
        wait_until(lambda: self._process.poll() is not None, lambda: f"the end of:\n{self.output}", timeout_s)
        self._reader.join(PATIENCE_S)
        return self._process.returncode

    def stop(self, number=signal.SIGINT):
        """Exit status and seconds it took to end after the signal."""
        started = time.monotonic()
        self._process.send_signal(number)
        return self.wait(), time.monotonic() - started

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        self._process.stdout.close()
