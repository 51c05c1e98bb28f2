# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reading data sets: what is right comes in, what is wrong is named."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import subprocess
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.training.data import loader
from face_detect_ros.training.data.dataset import DataSet, read_dataset
from face_detect_ros.training.data.held_back import as_annotations
from face_detect_ros.training.data.loader import BatchLoader, ImageStore
from face_detect_ros.training.options import AugmentOptions

CATEGORIES = [{"id": 3, "name": "cup"}, {"id": 7, "name": "face"}]


def write_image(path: Path, height: int = 40, width: int = 60) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))


def coco(folder: Path, annotations: list[dict[str, Any]], **image: Any) -> DataSet:
    """A data set of two images of 60 x 40; `image`: fields of the first."""
    images = [{"id": n, "file_name": f"{n}.png", "width": 60, "height": 40} for n in (1, 2)]
    images[0].update(image)
    for n in (1, 2):
        write_image(folder / "images" / f"{n}.png")
    for number, item in enumerate(annotations):
        item.setdefault("id", 100 + number)
        item.setdefault("image_id", 1)
        item.setdefault("category_id", 3)
    file = folder / "labels.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": CATEGORIES}))
    return read_dataset(file, folder / "images")


class TestCoco:
    def test_boxes_classes_and_crowds(self, tmp_path: Path) -> None:
        found = coco(
            tmp_path,
            [
                {"bbox": [10, 5, 20, 30]},
                {"bbox": [0, 0, 60, 40], "category_id": 7, "iscrowd": 1, "image_id": 2},
            ],
        )
        assert found.classes == ("cup", "face")
        first, second = found.samples
        np.testing.assert_array_equal(first.boxes, [[10, 5, 30, 35]])
        assert (first.class_ids.tolist(), first.crowd.tolist()) == ([0], [False])
        assert (second.class_ids.tolist(), second.crowd.tolist()) == ([1], [True])
        assert found.counts() == {"cup": 1, "face": 0}
        assert found.remarks == ("classes without boxes: face",)

    def test_chosen_classes_in_the_chosen_order(self, tmp_path: Path) -> None:
        coco(tmp_path, [{"bbox": [1, 1, 5, 5]}, {"bbox": [2, 2, 5, 5], "category_id": 7}])
        found = read_dataset(tmp_path / "labels.json", tmp_path / "images", classes=["face"])
        assert found.classes == ("face",)
        np.testing.assert_array_equal(found.samples[0].boxes, [[2, 2, 7, 7]])

    @pytest.mark.parametrize("classes", [["face"], ["cup"], ["face", "cup"]], ids=", ".join)
    def test_classes_chosen_later_give_the_same(self, tmp_path: Path, classes: list[str]) -> None:
        boxes = [
            {"bbox": [1, 1, 5, 5]},
            {"bbox": [2, 2, 5, 5], "category_id": 7},
            {"bbox": [3, 3, 5, 5], "iscrowd": 1},
        ]
        everything = coco(tmp_path, boxes, face_labelled=False)
        file = tmp_path / "labels.json"
        expected = read_dataset(file, tmp_path / "images", classes=classes)
        found = everything.only(classes, file)
        assert (found.classes, found.digest()) == (expected.classes, expected.digest())
        with pytest.raises(ConfigError, match=r"labels\.json: has no class 'mug'"):
            everything.only([*classes, "mug"], file)

    @pytest.mark.parametrize(
        "field",
        [
            {"face_labelled": False},
            {"face_complete": False},
            {"not_exhaustive_category_ids": [7]},
            {"labelled_classes": [1, 2, 3]},
        ],
    )
    def test_a_class_that_is_labeled_only_in_part(self, tmp_path: Path, field: dict[str, Any]) -> None:
        found = coco(tmp_path, [{"bbox": [1, 1, 5, 5]}], **field)
        assert [sample.unknown for sample in found.samples] == [{1}, set()]

    def test_what_is_put_right_is_told(self, tmp_path: Path) -> None:
        found = coco(tmp_path, [{"bbox": [50, 5, 20, 30]}, {"bbox": [3, 3, 0, 9]}, {"bbox": [1, 1, 5, 5]}])
        np.testing.assert_array_equal(found.samples[0].boxes, [[50, 5, 60, 35], [1, 1, 6, 6]])
        assert found.remarks[:2] == (
            "1 boxes reach over the border and were cut: annotation 100",
            "1 boxes have no area and were left out: annotation 101",
        )

    @pytest.mark.parametrize(
        ("annotation", "message"),
        [
            ({"bbox": [70, 5, 20, 30]}, r"annotation 100: box \[70.0, 5.0, 90.0, 35.0\] is not inside"),
            ({"bbox": [10, 5, -4, 30]}, "annotation 100: box .* is not inside the image, 60 x 40"),
            ({"bbox": [10, 5, float("nan"), 30]}, "annotation 100: box .*nan.* is not inside"),
            ({"bbox": [1, 1, 5, 5], "category_id": 4}, "annotation 100: category_id 4 does not exist"),
            ({"bbox": [1, 1, 5, 5], "image_id": 9}, "annotation 100: image_id 9 does not exist"),
            ({"bbox": [1, 1, 5]}, "not COCO JSON"),
        ],
        ids=["outside", "negative", "nan", "category", "image", "three numbers"],
    )
    def test_what_is_wrong_is_named(self, tmp_path: Path, annotation: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError, match=message) as caught:
            coco(tmp_path, [annotation])
        assert "labels.json" in str(caught.value)

    def test_many_wrong_entries_are_counted(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="and 12 more; put them right"):
            coco(tmp_path, [{"bbox": [99, 99, 5, 5]} for _ in range(20)])

    def test_a_missing_image_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"image 1: there is no file .*gone\.png"):
            coco(tmp_path, [{"bbox": [1, 1, 5, 5]}], file_name="gone.png")

    def test_no_boxes_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no boxes of cup, face"):
            coco(tmp_path, [])

    def test_an_unknown_class(self, tmp_path: Path) -> None:
        coco(tmp_path, [{"bbox": [1, 1, 5, 5]}])
        with pytest.raises(ConfigError, match="has no class 'mug'; it has cup, face"):
            read_dataset(tmp_path / "labels.json", tmp_path / "images", classes=["mug"])

    def test_a_name_that_no_file_can_hold(self, tmp_path: Path) -> None:
        coco(tmp_path, [{"bbox": [1, 1, 5, 5]}])
        file = tmp_path / "labels.json"
        file.write_text(file.read_text().replace('"cup"', '"cup\\ud800"'))
        with pytest.raises(ConfigError, match="is not valid Unicode"):
            read_dataset(file, tmp_path / "images")

    @pytest.mark.parametrize("content", ["", "[]", "{}", '{"images": 3}', "\x00"])
    def test_another_file(self, tmp_path: Path, content: str) -> None:
        file = tmp_path / "labels.json"
        file.write_text(content)
        with pytest.raises(ConfigError, match=r"labels\.json: not (COCO )?JSON"):
            read_dataset(file, tmp_path)

    def test_no_file_and_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="No such file"):
            read_dataset(tmp_path / "none.json", tmp_path)
        with pytest.raises(ConfigError, match="needs the folder of its images"):
            read_dataset(tmp_path / "none.json")


class TestYolo:
    def write(
        self, folder: Path, lines: str = "1 0.5 0.5 0.5 0.25\n", head: str = "names: [cup, face]"
    ) -> Path:
        write_image(folder / "images/train/a.png")
        write_image(folder / "images/train/b.png")
        (folder / "labels/train").mkdir(parents=True, exist_ok=True)
        (folder / "labels/train/a.txt").write_text(lines)
        file = folder / "data.yaml"
        file.write_text(f"path: .\ntrain: images/train\nval: images/val\n{head}\n")
        return file

    @pytest.mark.parametrize(
        "head", ["names: [cup, face]", "names: {0: cup, 1: face}"], ids=["list", "mapping"]
    )
    def test_boxes_and_classes(self, tmp_path: Path, head: str) -> None:
        found = read_dataset(self.write(tmp_path, head=head))
        assert found.classes == ("cup", "face")
        first, second = found.samples
        np.testing.assert_allclose(first.boxes, [[0.25, 0.375, 0.75, 0.625]])
        assert first.class_ids.tolist() == [1]
        assert first.size is None
        assert len(second.boxes) == 0  # no label file: nothing in it
        loaded = ImageStore(found, 1000).load(0)
        np.testing.assert_allclose(loaded.boxes, [[15, 15, 45, 25]])

    @pytest.mark.parametrize(
        "line", ["2 0.5 0.5 0.1 0.1", "-1 0.5 0.5 0.1 0.1", "0 0.5 0.5 0.1", "x 1 1 1 1"]
    )
    def test_a_wrong_line_is_named(self, tmp_path: Path, line: str) -> None:
        with pytest.raises(
            ConfigError, match=r"a\.txt:2: '.*' is not 'class x y width height' or a polygon .* of 2 classes"
        ):
            read_dataset(self.write(tmp_path, f"0 0.5 0.5 0.1 0.1\n{line}\n"))

    def test_the_box_of_a_polygon_is_the_one_around_it(self, tmp_path: Path) -> None:
        found = read_dataset(self.write(tmp_path, "1 0.2 0.3 0.6 0.1 0.4 0.9\n0 0.5 0.5 0.5 0.25\n"))
        np.testing.assert_allclose(found.samples[0].boxes, [[0.2, 0.1, 0.6, 0.9], [0.25, 0.375, 0.75, 0.625]])
        assert found.samples[0].class_ids.tolist() == [1, 0]

    @pytest.mark.parametrize("line", ["0 0.1 0.1 0.2 0.2 0.3", "0 0.1 0.1 0.2 0.2 0.3 x"])
    def test_half_a_polygon_is_named(self, tmp_path: Path, line: str) -> None:
        with pytest.raises(ConfigError, match=r"a\.txt:1: "):
            read_dataset(self.write(tmp_path, f"{line}\n"))

    def test_folders_as_roboflow_writes_them(self, tmp_path: Path) -> None:
        file = self.write(tmp_path)
        file.write_text("train: ../images/train\nval: ../images/val\nnc: 2\nnames: ['cup', 'face']\n")
        assert [len(sample.boxes) for sample in read_dataset(file).samples] == [1, 0]

    def test_several_folders_and_a_list_of_files(self, tmp_path: Path) -> None:
        file = self.write(tmp_path)
        write_image(tmp_path / "images/more/c.png")
        write_image(tmp_path / "images/more/d.png")
        (tmp_path / "listed.txt").write_text("./images/more/d.png\n\n")
        file.write_text("train: [images/train, listed.txt]\nnames: [cup, face]\n")
        assert [sample.path.name for sample in read_dataset(file).samples] == ["a.png", "b.png", "d.png"]

    def test_a_number_of_classes_that_contradicts_the_names(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="nc is 3, but names has 2 classes"):
            read_dataset(self.write(tmp_path, head="nc: 3\nnames: [cup, face]"))

    def test_a_box_outside_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"a\.txt:1: box .* is not inside the image, 1 x 1"):
            read_dataset(self.write(tmp_path, "0 3 0.5 0.1 0.1\n"))

    def test_from_the_folder_itself(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(self.write(tmp_path).parent)
        assert [len(sample.boxes) for sample in read_dataset(Path("data.yaml")).samples] == [1, 0]

    def test_a_folder_elsewhere(self, tmp_path: Path) -> None:
        file = self.write(tmp_path / "images" / "mine")
        (tmp_path / "other").mkdir()
        moved = file.rename(tmp_path / "other/data.yaml")
        moved.write_text(f"train: {tmp_path}/images/mine/images/train\nnames: [cup, face]\n")
        assert [len(sample.boxes) for sample in read_dataset(moved).samples] == [1, 0]

    def test_names_go_by_their_numbers(self, tmp_path: Path) -> None:
        found = read_dataset(self.write(tmp_path, head="names: {1: face, 0: cup}"))
        assert found.classes == ("cup", "face")
        with pytest.raises(ConfigError, match="not a data set's YAML"):
            read_dataset(self.write(tmp_path, head="names: {1: face, 2: cup}"))

    def test_label_files_of_another_kind_are_named(self, tmp_path: Path) -> None:
        file = self.write(tmp_path)
        (tmp_path / "labels/train/b.txt").write_bytes(b"\xff\xfe0\x00")
        with pytest.raises(ConfigError, match=r"b\.txt:1: "):
            read_dataset(file)

    def test_a_missing_folder_or_split(self, tmp_path: Path) -> None:
        file = self.write(tmp_path)
        with pytest.raises(ConfigError, match="val: there is no folder"):
            read_dataset(file, split="val")
        with pytest.raises(ConfigError, match="not a data set's YAML with names and test"):
            read_dataset(file, split="test")


class TestStoreAndLoader:
    def test_large_images_shrink_and_their_boxes_with_them(self, tmp_path: Path) -> None:
        store = ImageStore(coco(tmp_path, [{"bbox": [10, 5, 20, 30]}]), longest_px=30)
        assert store.sizes == [(20, 30), (20, 30)]
        np.testing.assert_allclose(store.load(0).boxes, [[5, 2.5, 15, 17.5]])

    def test_without_memory_images_are_read_each_time(self, tmp_path: Path) -> None:
        dataset = coco(tmp_path, [{"bbox": [10, 5, 20, 30]}])
        kept, read = ImageStore(dataset, 60), ImageStore(dataset, 60, memory_bytes=0)
        np.testing.assert_array_equal(kept.load(0).image, read.load(0).image)
        (tmp_path / "images/1.png").unlink()
        kept.load(0)
        with pytest.raises(SourceError, match=r"1\.png"):
            read.load(0)

    def test_a_container_s_memory_is_not_overdrawn(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dataset = coco(tmp_path, [{"bbox": [10, 5, 20, 30]}])  # two images of 60 * 40 * 3 bytes
        monkeypatch.setattr(loader, "_CGROUP", tmp_path)
        (tmp_path / "memory.current").write_text("1000000\n")
        for limit, processes, kept in (("max", 1, 2), ("1020000", 1, 1), ("1020000", 2, 0), ("900000", 1, 0)):
            (tmp_path / "memory.max").write_text(limit + "\n")
            assert len(ImageStore(dataset, 60, processes=processes)._kept) == kept

    def test_labels_of_an_image_that_lay_on_its_side(self, tmp_path: Path) -> None:
        dataset = coco(tmp_path, [{"bbox": [10, 5, 20, 30]}])
        write_image(tmp_path / "images/2.png", 60, 40)
        for read in (lambda: ImageStore(dataset, 60), lambda: as_annotations(Path("l.json"), dataset)):
            with pytest.raises(ConfigError, match=r"2\.png: is 40x60 pixels when upright, .* for 60x40"):
                read()

    def test_a_damaged_image_is_named(self, tmp_path: Path) -> None:
        dataset = coco(tmp_path, [{"bbox": [10, 5, 20, 30]}])
        (tmp_path / "images/2.png").write_bytes(b"no image")
        with pytest.raises(SourceError, match=r"2\.png"):
            ImageStore(dataset, 60)

    def loader(self, folder: Path, **more: Any) -> BatchLoader:
        if not (folder / "images").exists():
            coco(folder, [{"bbox": [10, 5, 20, 30]}], face_complete=False)
        dataset = read_dataset(folder / "labels.json", folder / "images")
        more = {"side": 64, "batch": 2, "seed": 5, "threads": 2, **more}
        return BatchLoader(ImageStore(dataset, 64), 2, **more)

    def test_a_batch(self, tmp_path: Path) -> None:
        (batch,) = self.loader(tmp_path).epoch(0, AugmentOptions(mosaic=0, mixup=0))
        assert batch.images.shape == (2, 64, 64, 3)
        assert batch.truth.boxes.shape == (2, 1, 4)
        assert batch.truth.valid.sum() == 1
        assert batch.truth.known.all(dim=1).tolist().count(False) == 1
        assert batch.sources == (0, 1)

    def test_an_epoch_is_the_same_on_any_number_of_threads_and_from_any_step(self, tmp_path: Path) -> None:
        options = AugmentOptions()
        whole = list(self.loader(tmp_path, batch=1).epoch(3, options))
        late = list(self.loader(tmp_path, batch=1, threads=1).epoch(3, options, first_step=1))
        assert (len(whole), len(late)) == (2, 1)
        assert (whole[1].images == late[0].images).all()
        apart = self.loader(tmp_path, batch=1, apart=True)
        with contextlib.closing(apart):
            for batch, same in zip(apart.epoch(3, options), whole, strict=True):
                assert (batch.images == same.images).all()
                assert (batch.truth.boxes == same.truth.boxes).all()
        other = list(self.loader(tmp_path, batch=1).epoch(4, options))
        assert not (whole[1].images == other[1].images).all()

    def test_a_signal_to_all_processes_leaves_those_that_render_to_the_training(self, tmp_path: Path) -> None:
        others = set(multiprocessing.active_children())
        with contextlib.closing(self.loader(tmp_path, batch=1, apart=True)) as apart:
            assert len(list(apart.epoch(0, AugmentOptions()))) == 2
            renderers = set(multiprocessing.active_children()) - others
            assert len(renderers) == 2
            for name in ("-TERM", "-INT"):
                subprocess.run(["kill", name, *(str(each.pid) for each in renderers)], check=True)
            assert len(list(apart.epoch(1, AugmentOptions()))) == 2
        assert not any(each.is_alive() for each in renderers)

    def test_a_process_that_is_lost_ends_the_others(self, tmp_path: Path) -> None:
        others = set(multiprocessing.active_children())
        with contextlib.closing(self.loader(tmp_path, batch=1, apart=True)) as apart:
            list(apart.epoch(0, AugmentOptions()))
            renderers = set(multiprocessing.active_children()) - others
            next(iter(renderers)).kill()
            # a pool does not notice at once
            batches = (batch for epoch in range(1, 10_000) for batch in apart.epoch(epoch, AugmentOptions()))
            with pytest.raises(BrokenProcessPool):
                list(batches)
        assert not any(each.is_alive() for each in renderers)

    def test_processes_share_an_epoch(self, tmp_path: Path) -> None:
        whole = next(iter(self.loader(tmp_path, batch=2).epoch(1, AugmentOptions())))
        shares = [
            next(iter(self.loader(tmp_path, batch=1, rank=rank, processes=2).epoch(1, AugmentOptions())))
            for rank in (0, 1)
        ]
        for row, share in enumerate(shares):
            assert (whole.images[row] == share.images[0]).all()
