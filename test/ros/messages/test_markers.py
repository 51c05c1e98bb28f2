"""Markers of detections: who is known shows in color and text."""

from face_detect_ros.core.detections import Detections
from face_detect_ros.ros.messages.markers import markers_message
from face_detect_ros.viz.colors import KNOWN_FACE, class_color

CAMERA = (500.0, 500.0, 320.0, 240.0)


def rgb(marker) -> tuple[int, int, int]:
    return tuple(round(255 * value) for value in (marker.color.r, marker.color.g, marker.color.b))


def test_known_and_unknown_faces_have_the_colors_of_the_annotated_image() -> None:
    faces = Detections([[0, 0, 50, 50], [100, 0, 150, 50]], [0.9, 0.8], [0, 0])
    message = markers_message(faces, ("face",), CAMERA, 5, "camera", ["王小明", None])
    known, known_text, unknown, unknown_text = message.markers[1:]
    assert rgb(known) == rgb(known_text) == KNOWN_FACE
    assert rgb(unknown) == rgb(unknown_text) == class_color("face")
    assert known_text.text == "王小明 0.90"
    assert unknown_text.text == "face 0.80"


def test_without_a_gallery_everybody_is_unknown() -> None:
    face = Detections([[0, 0, 50, 50]], [0.9], [0])
    _, outline, text = markers_message(face, ("face",), CAMERA, 5, "camera").markers
    assert rgb(outline) == class_color("face")
    assert text.text == "face 0.90"
