# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page in Firefox: what test_page.py shows for Chromium, by its main path."""

import pytest
from helpers.firefox import firefox
from helpers.looks import free_port
from helpers.ros_tools import wait_until
from helpers.web_robot import served

FACE = ".box[aria-label^=face]"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with firefox(tmp_path_factory.mktemp("firefox"), dark=True, language="zh") as page:
        yield page


def opened(page, url, **size):
    page.goto(url, **size)
    page.wait(f"document.querySelector({FACE!r})", "a box")
    return page


def actions(robot, name):
    return [arguments for action, arguments in robot.done if action == name]


def test_the_image_moves_and_boxes_are_over_what_they_show(page, url, robot):
    opened(page, url)
    image = "document.getElementById('image').toDataURL()"
    before = page.evaluate(image)
    wait_until(lambda: page.evaluate(image) != before, "another image")
    page.click("#pause")
    wait_until(lambda: not robot.watched, "nobody to look")
    inside, outside = page.evaluate(
        f"""(() => {{
            const canvas = document.getElementById("image");
            const layer = document.getElementById("boxes").getBoundingClientRect();
            const box = document.querySelector({FACE!r}).getBoundingClientRect();
            const scale = canvas.width / layer.width;
            const pixel = (x, y) => canvas.getContext("2d")
                .getImageData((x - layer.left) * scale, (y - layer.top) * scale, 1, 1).data[0];
            return [pixel(box.left + 6, box.top + 6), pixel(box.left - 8, box.top - 8)];
        }})()"""
    )
    assert inside > 180 > 140 > outside


def test_a_click_and_a_name_enroll(page, url, robot):
    opened(page, url)
    page.click("#pause")  # the square stays where it is
    page.click(FACE)
    wait_until(lambda: actions(robot, "select"), "a choice")
    page.wait("document.getElementById('selection').checkVisibility()")
    page.click("#enroll_name")
    page.type(*"Grace", "Enter")
    wait_until(lambda: actions(robot, "enroll") == [{"name": "Grace"}], "the enrollment")
    page.wait("document.getElementById('notice').textContent.includes('Grace')")


def test_a_drag_selects_what_it_encloses(page, url, robot):
    opened(page, url)
    page.click("#pause")
    x1, y1, x2, y2 = page.evaluate(
        """(() => {
            document.getElementById("stage").scrollIntoView();
            const box = document.querySelector(".box[aria-label^=dog]").getBoundingClientRect();
            return [box.left - 4, box.top - 8, box.right + 4, box.bottom - 2].map(Math.round);
        })()"""
    )
    page.drag((x1, y1), ((x1 + x2) // 2, (y1 + y2) // 2), (x2, y2))
    wait_until(lambda: actions(robot, "select"), "a choice")
    assert [(choice["detector"], choice["track"]) for choice in actions(robot, "select")] == [
        ("object_detector", "8")
    ]


def test_it_works_by_keyboard_alone(page, url, robot):
    opened(page, url)
    for _ in range(30):
        page.type("Tab")
        if (page.evaluate("document.activeElement.getAttribute('aria-label')") or "").startswith("face"):
            break
    page.type("Enter")
    wait_until(lambda: actions(robot, "select"), "a choice")
    page.wait("document.getElementById('selection').checkVisibility()")
    assert page.evaluate("document.activeElement.className").startswith("box")


def test_it_fits_a_phone_in_chinese_and_dark(page, url):
    opened(page, url, width=360, height=740)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.wait("document.querySelector('.setting')")
    page.screenshot("firefox_phone_dark_zh")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("document.documentElement.lang") == "zh"
    assert page.evaluate("document.getElementById('connection').textContent") == "已连接"
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(value) for value in background.removeprefix("rgb(").removesuffix(")").split(", ")) < 60


def test_the_page_recovers_when_the_server_comes_back(page, robot):
    port = free_port()
    with served(robot, port=port) as url:
        opened(page, url)
    page.wait("document.querySelector('#connection.off')")
    with served(robot, port=port):
        page.wait("document.querySelector('#connection.on')")
