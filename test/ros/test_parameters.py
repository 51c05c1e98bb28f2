# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A frozen dataclass as parameters of a node: declared, checked at start, changed while it runs."""

import dataclasses

import pytest
from helpers.ros_tools import BEST_EFFORT, wait_until
from rcl_interfaces.msg import ParameterType
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, ReliabilityPolicy
from sensor_msgs.msg import Image

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.ros import qos
from face_detect_ros.ros.nodes.face_detector import FaceDetector, FaceDetectorParameters
from face_detect_ros.ros.nodes.object_detector import ObjectDetectorParameters
from face_detect_ros.ros.nodes.video_source import VideoSourceParameters
from face_detect_ros.ros.parameters import Parameters, markdown_table, parameter, redefault


@dataclasses.dataclass(frozen=True)
class Settings:
    level: float = parameter(0.5, "How much.", minimum=0.0, maximum=1.0)
    count: int = parameter(3, "How many.", minimum=1, maximum=9)
    shape: str = parameter("round", "Which form.", choices=("round", "square"))
    name: str = parameter("", "What it is called.")
    fast: bool = parameter(True, "Whether to hurry.", read_only=True)
    color: str = parameter("red", "Which color.", at_configure=True)

    def __post_init__(self):
        if self.shape == "square" and self.count > 4:
            raise ConfigError("a square has no more than 4")


class Owner(Node):
    """A node with these settings, which may not be called mud, and a topic with overridable QoS."""

    def __init__(self, **arguments):
        super().__init__("owner", **arguments)
        self.seen = []
        self.settings = Parameters(self, Settings, self.judge)
        self.images = self.create_subscription(
            Image, "image_raw", print, qos.image_input(), qos_overriding_options=qos.overridable()
        )

    def judge(self, new, old):
        if new.name == "mud":
            raise ConfigError("name mud is taken; give another")
        self.seen.append((old, new))

    def stop(self, timeout_s):
        pass


def test_parameters_are_declared_with_what_people_need_to_know(probe, start):
    start(Owner)
    level, count, shape, fast, color = probe.describe_parameters(
        "/owner", "level", "count", "shape", "fast", "color"
    )
    assert level.description == "How much."
    assert [(r.from_value, r.to_value) for r in level.floating_point_range] == [(0.0, 1.0)]
    assert [(r.from_value, r.to_value, r.step) for r in count.integer_range] == [(1, 9, 1)]
    assert shape.additional_constraints == "one of: round, square"
    assert (fast.read_only, level.read_only) == (True, False)
    assert color.description == "Which color. Takes effect at the next configure."
    types = [d.type for d in (level, count, shape, fast)]
    assert types == [
        getattr(ParameterType, f"PARAMETER_{n}") for n in ("DOUBLE", "INTEGER", "STRING", "BOOL")
    ]


def test_initial_values_come_from_the_command_line(start):
    values = {"level": 0.25, "count": 4, "shape": "square", "name": "x", "fast": False}
    assert start(Owner, parameters=values).node.settings.value == Settings(**values)


WRONG_AT_START = {
    "text_for_a_number": (
        {"level": "high"},
        "level",
        "'high'; give a number, such as 0.5",
    ),
    "fraction_for_a_count": ({"count": 2.5}, "count", "2.5; give a whole number, such as 3"),
    "number_for_a_text": (
        {"name": 7},
        "name",
        "needs quotes: -p name:=",
    ),
    "number_for_a_truth": ({"fast": 1}, "fast", "1; give true or false"),
    "list_for_a_number": ({"level": [0.1, 0.2]}, "level", "give a number, such as 0.5"),
    "above_its_range": ({"level": 1.5}, "level", "parameter level is 1.5; give a value from 0.0 to 1.0"),
    "below_its_range": ({"count": 0}, "count", "parameter count is 0; give a value from 1 to 9"),
    "not_a_number": ({"level": float("nan")}, "level", "give a value from 0.0 to 1.0"),
    "no_choice": ({"shape": "oval"}, "shape", "give one of round, square"),
    "do_not_fit_together": ({"shape": "square", "count": 5}, "square", "no more than 4"),
}


@pytest.mark.parametrize(("values", "name", "remedy"), WRONG_AT_START.values(), ids=WRONG_AT_START)
def test_a_wrong_initial_value_names_node_parameter_and_remedy(start, values, name, remedy):
    with pytest.raises(ConfigError) as caught:
        start(Owner, parameters=values, namespace="/robot1")
    message = str(caught.value)
    assert "/robot1/owner" in message
    assert name in message
    assert remedy in message
    assert "\n" not in message


def test_a_change_is_applied_as_a_new_snapshot(probe, start):
    owner = start(Owner).node
    before = owner.settings.value
    assert probe.set_parameters("/owner", level=0.75, name="here") == [(True, ""), (True, "")]
    assert owner.settings.value == Settings(level=0.75, name="here")
    assert before == Settings()
    assert probe.get_parameters("/owner", "level", "name") == [0.75, "here"]
    assert owner.seen[-1][1] == owner.settings.value


def test_a_whole_number_is_as_good_as_a_fraction_at_start_and_later(probe, start):
    owner = start(Owner, parameters={"level": 1}).node
    assert owner.settings.value.level == 1.0
    assert isinstance(owner.settings.value.level, float)
    assert probe.set_parameters("/owner", level=0) == [(True, "")]
    assert owner.settings.value.level == 0.0


def test_a_change_that_waits_for_configure_says_so(probe, start):
    start(Owner)
    assert probe.set_parameters("/owner", color="blue") == [(True, "")]
    probe.wait_for_log("color: takes effect at the next configure")


def test_between_two_configures_only_what_needs_none_changes_in_use(probe, start):
    settings = start(Owner).node.settings
    settings.hold()
    probe.set_parameters("/owner", color="blue", level=0.75)
    assert settings.value == Settings(color="blue", level=0.75)
    assert settings.in_use == Settings(level=0.75)
    settings.hold()
    assert settings.in_use == settings.value
    probe.set_parameters("/owner", color="green")
    settings.release()
    assert settings.in_use.color == "green"
    probe.set_parameters("/owner", color="red")
    assert settings.in_use == Settings(level=0.75)


def test_networks_at_work_keep_their_own_options_until_configure(probe, start, scripted):
    node = start(FaceDetector, parameters={"model": "quick", "recognize": False}).node
    probe.wait_for_state("/face_detector", "active")
    before = node.options(node.params, ("face",))
    assert probe.set_parameters("/face_detector", embedder="sface", model="robot") == [(True, "")] * 2
    assert node.options(node.params, ("face",)) == before
    for verb in ("deactivate", "cleanup"):
        assert probe.change_state("/face_detector", verb)
    after = node.options(node.params, ("face",))
    assert after.match.accept_distance > before.match.accept_distance
    assert after.detect.score_threshold < before.detect.score_threshold


def test_a_misspelled_parameter_is_named_with_the_nearest(probe, start):
    start(FaceDetector, parameters={"score_treshold": 0.3, "rate_hz": 5.0, "autostart": False})
    probe.wait_for_log("parameter score_treshold is unknown and was ignored; did you mean score_threshold?")
    assert probe.logs("rate_hz") == []  # of another node that may be in this process


WRONG_LATER = {
    "wrong_type": ({"level": "high"}, "give a number, such as 0.5"),
    "truth_for_a_number": ({"level": True}, "give a number, such as 0.5"),
    "out_of_range": ({"count": 10}, "count"),
    "not_a_number": ({"level": float("nan")}, "level"),
    "no_choice": ({"shape": "oval"}, "give one of round, square"),
    "read_only": ({"fast": False}, "read-only"),
    "refused_by_the_node": ({"name": "mud"}, "name mud is taken; give another"),
    "unknown": ({"sise": 3}, "undeclared"),
}


@pytest.mark.parametrize(("values", "words"), WRONG_LATER.values(), ids=WRONG_LATER)
def test_a_wrong_change_is_refused_with_the_reason(probe, start, values, words):
    owner = start(Owner).node
    ((successful, reason),) = probe.set_parameters("/owner", **values)
    assert not successful
    assert words in reason
    assert owner.settings.value == Settings()
    assert probe.get_parameters("/owner", "level", "count", "shape") == [0.5, 3, "round"]


def test_of_several_changes_one_by_one_the_good_ones_hold(probe, start):
    owner = start(Owner).node
    results = probe.set_parameters("/owner", level=0.1, count=0, name="n")
    assert [successful for successful, _ in results] == [True, False, True]
    assert owner.settings.value == Settings(level=0.1, name="n")


@pytest.mark.parametrize(
    "values",
    [
        {"level": 0.1, "count": 0},
        {"level": 0.1, "shape": "oval"},
        {"shape": "square", "count": 5},
        {"level": 0.1, "name": "mud"},
    ],
    ids=["out_of_range", "no_choice", "do_not_fit_together", "refused_by_the_node"],
)
def test_an_atomic_change_with_one_bad_value_changes_nothing(probe, start, values):
    owner = start(Owner).node
    successful, reason = probe.set_atomically("/owner", **values)
    assert not successful
    assert reason
    assert owner.settings.value == Settings()
    assert probe.get_parameters("/owner", "level", "count", "shape") == [0.5, 3, "round"]


def test_an_atomic_change_is_one_snapshot(probe, start):
    owner = start(Owner).node
    assert probe.set_atomically("/owner", shape="square", count=4) == (True, "")
    assert len(owner.seen) == 1
    assert owner.settings.value == Settings(shape="square", count=4)


def test_parameters_of_others_are_left_alone(probe, start):
    owner = start(Owner).node
    assert probe.set_parameters("/owner", use_sim_time=True) == [(True, "")]
    assert owner.settings.value == Settings()
    assert owner.seen == []


def test_qos_overrides_reach_the_subscription(probe, start):
    prefix = "qos_overrides./image_raw.subscription"
    start(
        Owner,
        parameters={
            f"{prefix}.reliability": "reliable",
            f"{prefix}.depth": 7,
            f"{prefix}.history": "keep_last",
        },
    )
    (endpoint,) = wait_until(lambda: probe.subscriptions_of("/image_raw"), "the subscription")
    assert endpoint.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert probe.get_parameters("/owner", f"{prefix}.depth") == [7]


def test_qos_overrides_reach_every_topic_of_a_detector(probe, start):
    topics = ["/face_detector/detections", "/face_detector/image_annotated", "/face_detector/markers"]
    overrides = {f"qos_overrides.{topic}.publisher.reliability": "best_effort" for topic in topics}
    overrides["qos_overrides./image_raw.subscription.reliability"] = "reliable"
    start(FaceDetector, parameters={**overrides, "recognize": False})
    for topic in topics:
        (endpoint,) = wait_until(lambda topic=topic: probe.publishers_of(topic), topic)
        assert endpoint.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT, topic
    (endpoint,) = wait_until(lambda: probe.subscriptions_of("/image_raw"), "the subscription")
    assert endpoint.qos_profile.reliability == ReliabilityPolicy.RELIABLE


def test_qos_without_overrides(probe, start):
    start(FaceDetector, parameters={"recognize": False})
    (images,) = wait_until(lambda: probe.subscriptions_of("/image_raw"), "the subscription")
    (detections,) = wait_until(lambda: probe.publishers_of("/face_detector/detections"), "the publisher")
    assert images.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert detections.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert (qos.image_input().depth, qos.output().depth) == (1, 5)


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (qos.image_input(), "best effort, volatile, keep last 1"),
        (qos.latched(), "reliable, transient local, keep last 1"),
        (BEST_EFFORT, "best effort, volatile, keep last 5"),
    ],
    ids=["image_input", "latched", "best_effort"],
)
def test_a_profile_in_words(profile, words):
    assert qos.as_text(profile) == words


@pytest.mark.parametrize(
    ("history", "words"),
    [(HistoryPolicy.KEEP_ALL, "reliable, volatile, keep all"), (HistoryPolicy.UNKNOWN, "reliable, volatile")],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_history_of_a_profile_in_words(history, words):
    profile = qos.output()
    profile.history = history
    assert qos.as_text(profile) == words


def test_the_table_of_the_readme():
    lines = markdown_table(Settings).splitlines()
    assert lines[0] == "| parameter | default | range | what it does |"
    assert lines[2] == "| `level` | `0.5` | 0.0 to 1.0 | How much. |"
    assert lines[4] == "| `shape` | `round` | round, square | Which form. |"
    assert lines[5] == "| `name` | (empty) |  | What it is called. |"
    assert lines[6] == "| `fast` | `true` |  | Whether to hurry. (read-only) |"
    assert lines[7] == "| `color` | `red` |  | Which color. (at configure) |"
    assert len(lines) == 8


@pytest.mark.parametrize("schema", [FaceDetectorParameters, ObjectDetectorParameters, VideoSourceParameters])
def test_every_parameter_of_a_node_is_described(schema):
    for field in dataclasses.fields(schema):
        assert field.metadata["description"].endswith("."), field.name


def test_a_range_has_two_ends():
    with pytest.raises(TypeError, match="both ends"):
        parameter(1, "x", minimum=0)


def test_a_subclass_may_have_another_default():
    @dataclasses.dataclass(frozen=True)
    class Few(Settings):
        count: int = redefault(Settings, "count", 1)

    assert Few().count == 1
    assert markdown_table(Few).splitlines()[3] == "| `count` | `1` | 1 to 9 | How many. |"
