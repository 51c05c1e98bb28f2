# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every detector that can be named: what it is, what it needs and who makes it. A new one is one entry."""

from __future__ import annotations

from face_detect_ros.detectors.entry import ANY_PRECISION, CatalogueEntry
from face_detect_ros.engines.catalogue import ANY_ENGINE, ONNX_ENGINES
from face_detect_ros.zoo.published import checkpoints


def _published(
    name: str, description: str, *, factory: str = "detr.detector:create", checkpoint: str = ""
) -> CatalogueEntry:
    """An object detector whose weights are published; `name` is that of its checkpoint unless another is given."""
    weights = checkpoints.find(checkpoint or name)
    return CatalogueEntry(
        name=name,
        task="objects",
        factory=f"face_detect_ros.detectors.{factory}",
        license=weights.license,
        description=description,
        checkpoint=weights.name,
        precisions=ANY_PRECISION,
        engines=ANY_ENGINE if "yolov9" in factory else (),
    )


def _faces_from_file(name: str, description: str, score_threshold: float) -> CatalogueEntry:
    """A face network that users bring as an ONNX file."""
    return CatalogueEntry(
        name=name,
        task="faces",
        factory=f"face_detect_ros.detectors.faces.{name}:create",
        license="of the user's file",
        description=description,
        takes_file=True,
        tried_first=True,
        precisions=ANY_PRECISION,
        engines=ONNX_ENGINES,
        score_threshold=score_threshold,
    )


_YOLOV9_SIZES = ("t", "s", "m", "c")

ENTRIES = (
    CatalogueEntry(
        name="centerface",
        task="faces",
        factory="face_detect_ros.detectors.faces.centerface:create",
        license="MIT",
        description="CenterFace with 5 landmarks: any pose, small faces, bounded time at any image size",
        takes_file=True,
        tried_first=True,
        checkpoint="centerface",
        precisions=ANY_PRECISION,
        engines=ONNX_ENGINES,
        score_threshold=0.35,
    ),
    CatalogueEntry(
        name="dlib_hog",
        task="faces",
        factory="face_detect_ros.detectors.faces.dlib_faces:create_hog",
        license="Boost-1.0; landmarks CC0-1.0",
        description="dlib's HOG face detector with 5 landmarks: fast on CPU, frontal faces",
    ),
    CatalogueEntry(
        name="dlib_cnn",
        task="faces",
        factory="face_detect_ros.detectors.faces.dlib_faces:create_cnn",
        license="CC0-1.0",
        description="dlib's CNN (MMOD) face detector with 5 landmarks: any pose, slow on CPU",
    ),
    CatalogueEntry(
        name="mmod",
        task="faces",
        factory="face_detect_ros.detectors.faces.mmod:create",
        license="CC0-1.0",
        description="dlib's CNN run by PyTorch, with 5 landmarks: any pose, the same faces, many times as fast",
        precisions=ANY_PRECISION,
    ),
    CatalogueEntry(
        name="robot",
        task="faces",
        factory="face_detect_ros.detectors.faces.robot:create",
        license="Apache-2.0",
        description="faces from the packaged object network, boxes alone: one pass for both",
        packaged="yolov9_robot.safetensors",
        precisions=ANY_PRECISION,
        engines=ANY_ENGINE,
        score_threshold=0.25,
    ),
    CatalogueEntry(
        name="yunet",
        task="faces",
        factory="face_detect_ros.detectors.faces.yunet:create",
        license="MIT",
        description="OpenCV's YuNet, published or from an ONNX file of yours, with 5 landmarks: any pose, fast on CPU",
        takes_file=True,
        tried_first=True,
        checkpoint="yunet",
        engines=ONNX_ENGINES,
        own_code=True,
    ),
    _faces_from_file(
        "scrfd", "insightface's SCRFD from an ONNX file of yours, with 5 landmarks: any pose", 0.5
    ),
    _faces_from_file(
        "retinaface",
        "RetinaFace on MobileNet or ResNet from an ONNX file of yours, with 5 landmarks: any pose",
        0.5,
    ),
    _faces_from_file(
        "ultralight", "Ultra-Light RFB or slim from an ONNX file of yours, boxes alone: tiny and fast", 0.7
    ),
    _faces_from_file(
        "blazeface",
        "MediaPipe's BlazeFace from an ONNX file of yours, with 5 landmarks: close faces, tiny and fast",
        0.5,
    ),
    CatalogueEntry(
        name="kserve-faces",
        task="faces",
        factory="face_detect_ros.detectors.remote.detector:create_faces",
        license="of the server's model",
        description="a face network of the kinds here on an inference server (KServe V2, HTTP or gRPC)",
        takes_file=True,
        file_is="http://HOST:PORT/MODEL",
    ),
    CatalogueEntry(
        name="yolov9-robot",
        task="objects",
        factory="face_detect_ros.detectors.yolov9.factory:create_with_attention",
        license="Apache-2.0",
        description="YOLOv9 t with attention at 448 px, trained by us on few images: people and faces",
        packaged="yolov9_robot.safetensors",
        precisions=ANY_PRECISION,
        engines=ANY_ENGINE,
    ),
    CatalogueEntry(
        name="yolov9",
        task="objects",
        factory="face_detect_ros.detectors.yolov9.factory:create",
        license="of the user's file",
        description="YOLOv9 (t, s, m, c, e) from a weights file of yours, in any published format",
        takes_file=True,
        precisions=ANY_PRECISION,
        engines=ANY_ENGINE,
    ),
    CatalogueEntry(
        name="yolov9-attn",
        task="objects",
        factory="face_detect_ros.detectors.yolov9.factory:create_with_attention",
        license="of the user's file",
        description="YOLOv9 with self- and cross-attention, from such a file or one fine-tuned from it",
        takes_file=True,
        precisions=ANY_PRECISION,
        engines=ANY_ENGINE,
    ),
    CatalogueEntry(
        name="detr",
        task="objects",
        factory="face_detect_ros.detectors.detr.detector:create",
        license="of the user's folder",
        description="a detector of the DETR family that transformers knows, from its folder or hub name",
        takes_file=True,
        file_is="FOLDER",
        precisions=ANY_PRECISION,
    ),
    CatalogueEntry(
        name="grounding",
        task="objects",
        factory="face_detect_ros.detectors.grounding.detector:create",
        license="of the user's folder",
        description="finds what classes names: MM Grounding DINO, Grounding DINO, OmDet-Turbo; slow on a CPU",
        takes_file=True,
        takes_text=True,
        file_is="FOLDER",
        score_threshold=0.3,
    ),
    CatalogueEntry(
        name="onnx",
        task="objects",
        factory="face_detect_ros.detectors.onnx.detector:create",
        license="of the user's file",
        description="any YOLO, YOLOX or DETR model from an ONNX file of yours, without PyTorch",
        takes_file=True,
        precisions=ANY_PRECISION,
        engines=ONNX_ENGINES,
        tried_first=True,
    ),
    CatalogueEntry(
        name="kserve",
        task="objects",
        factory="face_detect_ros.detectors.remote.detector:create",
        license="of the server's model",
        description="any such model on an inference server (KServe V2, HTTP or gRPC: Triton, MLServer and others)",
        takes_file=True,
        file_is="http://HOST:PORT/MODEL",
    ),
    *(
        _published(f"yolov9-{size}", f"YOLOv9 {size}, published weights", factory="yolov9.factory:create")
        for size in _YOLOV9_SIZES
    ),
    *(
        _published(
            f"yolov9-{size}-attn",
            "the same with self- and cross-attention: equal until fine-tuned",
            factory="yolov9.factory:create_with_attention",
            checkpoint=f"yolov9-{size}",
        )
        for size in _YOLOV9_SIZES
    ),
    *(
        _published(
            f"libreyolo9-{size}",
            f"YOLOv9 {size}, the same weights as LibreYOLO publishes them",
            factory="yolov9.detector:create",
        )
        for size in _YOLOV9_SIZES
    ),
    _published("rtdetrv2-r18", "RT-DETRv2 on ResNet-18"),
    _published("rtdetrv2-r34", "RT-DETRv2 on ResNet-34"),
    _published("rtdetrv2-r50", "RT-DETRv2 on ResNet-50"),
    _published("rtdetrv2-r101", "RT-DETRv2 on ResNet-101"),
    _published("deimv2-atto", "DEIMv2 Atto, half a million parameters"),
    _published("deimv2-femto", "DEIMv2 Femto, a million parameters"),
    _published("deimv2-pico", "DEIMv2 Pico, 1.5 million parameters"),
    _published("deimv2-n", "DEIMv2 N"),
    _published("dfine-n", "D-FINE nano"),
    _published("dfine-s", "D-FINE small"),
    _published("dfine-m", "D-FINE medium"),
    _published("dfine-l", "D-FINE large"),
    _published("dfine-x", "D-FINE extra large"),
    _published("rfdetr-nano", "RF-DETR nano"),
    _published("rfdetr-small", "RF-DETR small"),
    _published("rfdetr-medium", "RF-DETR medium"),
    _published("rfdetr-large", "RF-DETR large"),
    _published("deformable-detr", "Deformable DETR on ResNet-50"),
    _published("conditional-detr", "Conditional DETR on ResNet-50"),
)
