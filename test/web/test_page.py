# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page in a real browser, with a robot that needs no ROS."""

import contextlib
import socket

import pytest
from helpers.browser import Tab, chromium, page_at, screenshot
from helpers.ros_tools import wait_until
from helpers.web_robot import WebRobot, served

from face_detect_ros.web.page_files import FOLDER

PAGE_LIMIT_BYTES = 500_000
SIZES = {"phone": (360, 740), "desktop": (1280, 800)}


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def tabs(browser):
    """By the user's language."""
    return {language: Tab(browser, language) for language in ("en", "zh")}


@pytest.fixture
def tab(tabs):
    return tabs["en"]


@pytest.fixture
def page(tab, url, request):
    before = request.session.testsfailed
    with tab.at(url, failed=lambda: request.session.testsfailed > before) as page:
        page.wait_for_selector(".box")
        yield page


def actions(robot, name):
    return [arguments for action, arguments in robot.done if action == name]


def test_it_is_light_and_paints_at_once(browser, url):
    sizes = []
    with page_at(browser, "about:blank") as page:
        page.on("response", lambda response: sizes.append(len(response.body())))
        page.goto(url)
        page.wait_for_selector("#connection.on")
        entries = page.evaluate("performance.getEntriesByType('paint').map(({startTime}) => startTime)")
    assert sum(sizes) < PAGE_LIMIT_BYTES
    assert entries


def test_nothing_is_fetched_from_elsewhere():
    for file in FOLDER.rglob("*"):
        if file.is_file():
            text = file.read_text()
            assert "//" not in text.replace("http://www.w3.org", "").replace("://${", "").replace(
                "// ", ""
            ).replace("//\n", ""), file


@pytest.mark.parametrize(
    ("size", "dark", "language"),
    [("phone", False, "en"), ("phone", True, "zh"), ("desktop", True, "en"), ("desktop", False, "zh")],
)
def test_it_fits_and_everybody_can_use_it(tabs, robot, url, size, dark, language):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    width, height = SIZES[size]
    with tabs[language].at(url, width=width, height=height, dark=dark) as page:
        page.wait_for_selector(".box")
        robot.scene.set_selected("", "face_detector 7")
        page.wait_for_selector("#selection:visible")
        page.evaluate(
            "document.querySelectorAll('#panels details.card').forEach((card) => { card.open = true; })"
        )
        page.wait_for_selector("#people >> text=Ada")
        page.wait_for_selector(".setting", state="attached")
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        screenshot(page, f"page_{size}_{'dark' if dark else 'light'}_{language}", full_page=True)
        too_wide = page.evaluate(
            """(width) => [...document.querySelectorAll("main *, header *")]
                .filter((each) => each.checkVisibility() && !each.closest(".box, .hidden"))
                .filter((each) => each.getBoundingClientRect().right > width).map((each) => each.outerHTML)""",
            width,
        )
        assert too_wide == []
        found = axe.Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
        assert found.violations_count == 0, found.generate_report()
        assert page.locator("html").get_attribute("lang") == language
        assert page.inner_text("#connection") == {"en": "Connected", "zh": "已连接"}[language]


def test_boxes_are_over_what_they_show(page):
    page.click("#pause")
    place = page.evaluate(
        """() => {
            const canvas = document.getElementById("image");
            const layer = document.getElementById("boxes").getBoundingClientRect();
            const box = document.querySelector(".box[aria-label^=face]").getBoundingClientRect();
            const scale = canvas.width / layer.width;
            const pixel = (x, y) => canvas.getContext("2d")
                .getImageData((x - layer.left) * scale, (y - layer.top) * scale, 1, 1).data[0];
            return [pixel(box.left + 6, box.top + 6), pixel(box.right - 6, box.bottom - 6),
                pixel(box.left - 8, box.top - 8)];
        }"""
    )
    inside, too, outside = place
    assert min(inside, too) > 180 > 140 > outside


def test_a_box_says_what_it_is(page):
    label = page.get_attribute(".box[aria-label^=face]", "aria-label")
    assert label == "face · 90 % · #7 · 1.5 m"


def test_toggles_hide_boxes_and_names(page, robot):
    robot.scene.set_names("", "face_detector", {"7": "Ada"})
    page.wait_for_selector(".box >> text=Ada")
    page.uncheck("#show_names")
    page.wait_for_selector(".box >> text=face")
    page.uncheck("#show_boxes")
    page.wait_for_selector(".box", state="detached")


def test_pause_stops_the_image_and_resume_goes_on(page, robot):
    page.click("#pause")
    wait_until(lambda: not robot.watched, "nobody to look")
    frozen = page.locator("#image").screenshot()
    assert page.locator("#image").screenshot() == frozen
    page.click("#pause")
    wait_until(lambda: page.locator("#image").screenshot() != frozen, "another image")


def test_another_view_is_asked_for(page, robot):
    page.check("#views input[value=anonymized]", force=True)
    wait_until(lambda: [view.view for view in robot.watched] == ["anonymized"], "the view")
    page.wait_for_selector("#empty:has-text('No images')")
    # nothing of the first view stays: it may be one that must not be shown any more
    page.wait_for_selector(".box", state="detached")
    pixels = "document.getElementById('image').getContext('2d').getImageData(0, 0, 9, 9).data.some(Boolean)"
    assert not page.evaluate(pixels)


def test_a_drag_selects_what_it_encloses(page, robot):
    page.click("#pause")  # the square stays where it is
    box = page.locator(".box[aria-label^=dog]").bounding_box()
    page.mouse.move(box["x"] - 4, box["y"] - 8)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 4, box["y"] + box["height"] - 2, steps=4)
    page.mouse.up()
    wait_until(lambda: actions(robot, "select"), "a choice")
    assert [(choice["detector"], choice["track"]) for choice in actions(robot, "select")] == [
        ("object_detector", "8")
    ]


def test_in_a_pause_a_click_selects_and_enrolls_too(page, robot):
    page.click("#pause")
    wait_until(lambda: not robot.watched, "nobody to look")
    page.click(".box[aria-label^=face]")
    page.wait_for_selector("#selection:visible")
    page.fill("#enroll_name", "Grace")
    page.click("#selection .primary")
    wait_until(lambda: actions(robot, "enroll") == [{"name": "Grace"}], "the enrollment")
    page.click("#unselect")
    page.wait_for_selector("#selection", state="hidden")


def test_it_works_by_keyboard_alone(page, robot):
    label = ""
    for _ in range(30):
        page.keyboard.press("Tab")
        label = page.evaluate("document.activeElement.getAttribute('aria-label')") or ""
        if label.startswith("face"):
            break
    assert label.startswith("face")
    page.keyboard.press("Enter")
    page.wait_for_selector("#selection:visible")
    # the focus is still on the box, which has moved meanwhile
    assert page.evaluate("document.activeElement.className").startswith("box")
    page.focus("#enroll_name")
    page.keyboard.type("Grace")
    page.keyboard.press("Enter")
    wait_until(lambda: actions(robot, "enroll") == [{"name": "Grace"}], "the enrollment")
    page.wait_for_selector("#notice >> text=Grace is enrolled")


def test_one_image_that_was_on_its_way_does_not_undo_a_choice(page):
    told = page.evaluate(
        """async () => {
            const stage = await import(new URL("stage.js", document.querySelector("script[type=module]").src));
            stage.showSelected("face_detector 7");
            const old = () => stage.withChoice({ selected: "" }, { isImage: true }).selected;
            return [stage.withChoice({ selected: "" }, { isImage: false }).selected, old(), old()];
        }"""
    )
    assert told == ["face_detector 7", "face_detector 7", ""]


def test_a_refusal_is_shown(page, robot):
    robot.scene.set_selected("", "face_detector 7")
    page.fill("#enroll_name", "unknown")
    page.click("#selection .primary")
    page.wait_for_selector("#notice.bad >> text=choose another")


def test_photos_are_added_one_by_one_and_refusals_have_reasons(page, robot, tmp_path):
    good, bad = tmp_path / "good.jpg", tmp_path / "bad.jpg"
    good.write_bytes(b"\xff\xd8 a photo")
    bad.write_bytes(b"a text")
    page.click("#people_card > summary")
    page.fill("#photo_name", "Grace")
    page.set_input_files("#photo_files", [str(good), str(bad)])
    page.click("#photos button")
    page.wait_for_selector("#photo_outcomes >> text=good.jpg: learned")
    page.wait_for_selector("#photo_outcomes >> text=bad.jpg: not an image")
    page.wait_for_selector("#people >> text=Grace")


def test_settings_have_controls_that_fit_their_kind(page, robot):
    page.click("#settings_card > summary")
    page.click("#settings >> summary >> text=face_detector")
    page.fill("[id='face_detector.score_threshold']", "0.7")
    page.click("form:has([id='face_detector.score_threshold']) >> text=Apply")
    page.select_option("[id='face_detector.engine']", "torch")
    page.click("form:has([id='face_detector.engine']) >> text=Apply")
    assert page.is_disabled("[id='face_detector.privacy']")
    page.click("text=Reconfigure face_detector")
    wait_until(lambda: actions(robot, "reconfigure"), "the reconfiguration")
    assert actions(robot, "set_parameter") == [
        {"node": "face_detector", "name": "score_threshold", "value": 0.7},
        {"node": "face_detector", "name": "engine", "value": "torch"},
    ]


def test_health_is_shown_with_its_hint(page):
    page.wait_for_selector("#health >> text=Start the camera")
    page.wait_for_selector("#health >> text=Warning")
    page.wait_for_selector("#plots >> text=total latency, ms: 40.1")


def test_a_second_browser_joins_and_leaves(tabs, url, page):
    with tabs["zh"].at(url) as second:
        second.wait_for_selector(".box")
    before = page.locator("#image").screenshot()
    wait_until(lambda: page.locator("#image").screenshot() != before, "another image")


def test_several_cameras_can_be_chosen(tab):
    with (
        WebRobot(cameras=("front", "left")).moving() as robot,
        served(robot) as url,
        tab.at(url) as page,
    ):
        page.wait_for_selector(".box")
        wait_until(lambda: {view.camera for view in robot.watched} == {"front"}, "the first camera")
        page.select_option("#camera", "left")
        wait_until(lambda: {view.camera for view in robot.watched} == {"left"}, "the other camera")
        page.wait_for_selector(".box")


def test_the_page_recovers_when_the_server_comes_back(tab, robot):
    with socket.socket() as free:  # not one that the servers of other tests take
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with contextlib.ExitStack() as open_page:
        with served(robot, port=port) as url:
            page = open_page.enter_context(tab.at(url))
            page.wait_for_selector(".box")
        page.wait_for_selector("#connection.off")
        with served(robot, port=port):
            page.wait_for_selector("#connection.on")
            before = page.locator("#image").screenshot()
            wait_until(lambda: page.locator("#image").screenshot() != before, "another image")


def test_the_language_can_be_chosen_and_is_kept(page, url):
    page.select_option("#language", "zh")
    page.wait_for_selector("text=运行状况")
    page.goto(url)
    page.wait_for_selector("text=运行状况")


def test_a_wrong_token_shows_what_to_do(tab, robot):
    with served(robot, token="the-right-token") as url:
        with tab.at(url) as page:
            page.wait_for_selector(".box")
            assert "token" not in page.url
        with tab.at(url.replace("right", "wrong")) as page:
            assert "the address that the viewer printed" in page.inner_text("body")
