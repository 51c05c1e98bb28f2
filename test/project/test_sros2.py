# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The SROS 2 policies allow what the nodes use, and nothing else."""

import xml.etree.ElementTree as ElementTree

import pytest
from helpers.paths import ROOT
from helpers.ros_tools import wait_until

from face_detect_ros.ros.nodes.face_detector import FaceDetector
from face_detect_ros.ros.nodes.object_detector import ObjectDetector
from face_detect_ros.ros.nodes.video_source import VideoSource
from face_detect_ros.ros.nodes.viewer import Viewer
from face_detect_ros.web.robot import View
from face_detect_ros.web.scene import CAMERA
from face_detect_ros.zoo.published import cache

POLICY = ROOT / "config" / "sros2" / "face_detect_ros.policy.xml"
NODES = {"face_detector": FaceDetector, "object_detector": ObjectDetector, "video_source": VideoSource}
# used only with some settings, or by some versions of rclpy
OPTIONAL = {
    "publish": {"/tf", "~/annotations"},
    "subscribe": {"image_raw/compressed", "depth/image_raw/compressedDepth", "/tf", "/tf_static", "/clock"},
    "reply": {"~/get_type_description"},
}


def allowed(enclave, node):
    """{verb: names} of a node's profile in an enclave."""
    path = f"./enclaves/enclave[@path='/face_detect_ros/{enclave}']/profiles/profile[@node='{node}']"
    profile = ElementTree.parse(POLICY).getroot().find(path)
    found = {}
    for group in profile:
        ((verb, answer),) = group.attrib.items()
        assert answer == "ALLOW"
        names = [entry.text for entry in group]
        assert len({*names}) == len(names), "no name twice"
        found[verb] = {*names}
    return found


@pytest.mark.parametrize("name", NODES)
def test_every_documented_topic_is_allowed_and_nothing_else(name):
    verbs = allowed(name, name)
    topics = NODES[name].topics
    services = {topic for topic, what in topics.items() if what.startswith("service")}
    heard = {topic for topic, what in topics.items() if what.startswith("subscribed")}
    told = {*topics} - services - heard
    base = {"/rosout", "/parameter_events", "~/transition_event"}
    assert verbs["publish"] - OPTIONAL["publish"] == told | base
    assert verbs["subscribe"] - OPTIONAL["subscribe"] == heard
    assert services <= verbs["reply"]


@pytest.mark.parametrize("name", NODES)
def test_the_one_process_may_do_the_same(name):
    assert allowed("perception", name) == allowed(name, name)


def relative(names, node):
    """Names of the graph as the policy writes them."""
    short = [name.replace(f"/{node}/", "~/", 1) if name.startswith(f"/{node}/") else name for name in names]
    absolute = ("/rosout", "/parameter_events", "/diagnostics", "/tf", "/tf_static", "/clock")
    return {name if name in absolute else name.lstrip("/") for name in short}


@pytest.mark.parametrize("name", NODES)
def test_a_running_node_uses_nothing_that_is_not_allowed(probe, start, scripted, name):
    parameters = {"video_source": {"source": "sample:astronaut"}, "face_detector": {"model": "quick"}}
    start(NODES[name], parameters=parameters.get(name, {"engine": "openvino"}))
    node = probe.node
    probe.wait_for_state(f"/{name}", "active")
    wait_until(lambda: node.get_service_names_and_types_by_node(name, "/"), "its services")
    verbs = allowed(name, name)
    seen = {
        "publish": node.get_publisher_names_and_types_by_node(name, "/"),
        "subscribe": node.get_subscriber_names_and_types_by_node(name, "/"),
        "reply": node.get_service_names_and_types_by_node(name, "/"),
    }
    for verb, entries in seen.items():
        names = relative([entry for entry, _ in entries], name)
        assert names <= verbs[verb], f"{verb}: add {names - verbs[verb]} to {POLICY.name}"
    replies = relative([entry for entry, _ in seen["reply"]], name)
    assert verbs["reply"] - OPTIONAL["reply"] <= replies
    assert not node.get_client_names_and_types_by_node(name, "/"), "these nodes call nobody"


def test_a_viewer_uses_nothing_that_is_not_allowed(probe, start, scripted, tmp_path, monkeypatch):
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(cache.root()))  # what was compiled for other tests is there
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    start(FaceDetector, parameters={"model": "quick", "gallery": str(tmp_path / "gallery.sqlite3")})
    start(ObjectDetector, parameters={"engine": "openvino"})
    viewer = start(Viewer, parameters={"port": 0}).node
    verbs, node = allowed("viewer", "viewer"), probe.node
    for name in ("face_detector", "object_detector", "viewer"):
        probe.wait_for_state(f"/{name}", "active")
    viewer.watch(frozenset(View("", view) for view in (CAMERA, "anonymized", "attention")))
    assert {each["node"] for each in viewer.do("parameters", {}).result(30)} == {
        "face_detector",
        "object_detector",
    }
    viewer.do("people", {}).result(30)

    def seen():
        return {
            "publish": node.get_publisher_names_and_types_by_node("viewer", "/"),
            "subscribe": node.get_subscriber_names_and_types_by_node("viewer", "/"),
            "reply": node.get_service_names_and_types_by_node("viewer", "/"),
            "request": node.get_client_names_and_types_by_node("viewer", "/"),
        }

    def used(verb):
        return relative([entry for entry, _ in seen()[verb]], "viewer")

    wait_until(lambda: {"image_raw", "face_detector/image_anonymized"} <= used("subscribe"), "what it shows")
    wait_until(lambda: "face_detector/select_at" in used("publish"), "where clicks go")
    for verb in verbs:
        assert used(verb) <= verbs[verb], f"{verb}: add {used(verb) - verbs[verb]} to {POLICY.name}"
    # subscribed to in a recording, or with image_transport:=compressed
    images = {"image_raw", "face_detector/image_anonymized", "object_detector/attention"}
    rest = {"camera_info", "/clock", *(f"{each}/compressed" for each in images)}
    assert verbs["subscribe"] - used("subscribe") <= rest | {f"{each}/label_info" for each in NODES}
