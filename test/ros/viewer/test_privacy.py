# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page stays private until the face detector that runs now has answered."""

import asyncio
from types import SimpleNamespace

import pytest

from face_detect_ros.core.errors import DetectorError
from face_detect_ros.ros.viewer.privacy import DetectorPrivacy, node_parameters


class Graph:
    """A viewer's view of a graph in which there is always a face detector."""

    def __init__(self):
        self.detectors = [1]
        self.questions = []

    def create_subscription(self, *_):
        pass

    def present(self, _):
        return True

    def full_name(self, name):
        return f"/{name}"

    def get_publishers_info_by_topic(self, _):
        return [SimpleNamespace(endpoint_gid=[each] * 16) for each in self.detectors]

    def run(self, work):
        self.questions.append(asyncio.ensure_future(work()))


@pytest.mark.parametrize(
    "answer", [DetectorError("no answer within 25 s"), False], ids=["timeout", "not private"]
)
def test_what_a_killed_detector_was_asked_says_nothing_about_the_next(monkeypatch, answer):
    async def replace():
        graph, answers = Graph(), []

        async def get(*_):
            answers.append(asyncio.get_running_loop().create_future())
            return await answers[-1]

        monkeypatch.setattr(node_parameters, "get", get)
        privacy = DetectorPrivacy(graph, graph, lambda: None)
        privacy.look()
        await asyncio.sleep(0)
        graph.detectors = [1, 2]  # the first was killed, and is still remembered
        privacy.look()
        await asyncio.sleep(0)
        if isinstance(answer, Exception):
            answers[0].set_exception(answer)
        else:
            answers[0].set_result(answer)
        await graph.questions[0]
        assert privacy.may_be_on
        answers[1].set_result(False)
        await graph.questions[1]
        assert not privacy.may_be_on

    asyncio.run(replace())
