// SPDX-FileCopyrightText: 2026 face_detect_ros authors
// SPDX-License-Identifier: Apache-2.0

// The image with its boxes: buttons over a canvas, so that pointer, keyboard and screen readers reach them.

import { $, element, t } from "./text.js";
import { attempt, notice } from "./api.js";

const HUES = ["#ffd75e", "#7fd1ff", "#ff9ecb", "#b7f07a", "#ffb374", "#c9b3ff", "#6fe3d0", "#f2a6a0"];
const KNOWN = "#5fe08d";
const DRAG_PX = 8;

const canvas = $("image");
const layer = $("boxes");
const rubber = $("rubber");
const buttons = new Map();

export const stage = { camera: "", about: null, boxes: true, names: true, onSelection: () => {} };

function hue(detection, detector) {
  if (detection.name && detection.name !== "unknown") return KNOWN;
  if (detector === "face_detector") return HUES[0];
  let sum = 0;
  for (const letter of detection.label) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return HUES[1 + (sum % (HUES.length - 1))];
}

export function describe(detection) {
  const name = detection.name && detection.name !== "unknown" && stage.names ? detection.name : detection.label;
  const parts = [name, `${Math.round(detection.score * 100)} %`];
  if (detection.track) parts.push(`#${detection.track}`);
  if (detection.distance_m !== undefined) parts.push(t("distance", { distance: detection.distance_m }));
  return parts.join(" · ");
}

// Faces are the face detector's matter where there is one.
export function all(about = stage.about) {
  const found = about?.found ?? {};
  return Object.entries(found).flatMap(([detector, detections]) =>
    detections.filter(({ label }) => label !== "face" || detector === "face_detector" || !found.face_detector)
      .map((detection) => ({ ...detection, detector })));
}

export function show(about, bitmap) {
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
  }
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  stage.about = about;
  $("empty").textContent = "";
  place();
  drawBoxes();
}

// Nothing of what was shown stays: it may no longer be shown, or is another camera's.
export function clear() {
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  stage.about = null;
  drawBoxes();
}

// The layer covers exactly the image, which the canvas may show smaller than itself.
function place() {
  const scale = Math.min(canvas.clientWidth / canvas.width, canvas.clientHeight / canvas.height);
  layer.style.width = `${canvas.width * scale}px`;
  layer.style.height = `${canvas.height * scale}px`;
}
new ResizeObserver(place).observe(canvas);

export function drawBoxes() {
  const { about } = stage;
  const shown = about && stage.boxes && about.view !== "attention" ? all(about) : [];
  const area = ({ box }) => (box[2] - box[0]) * (box[3] - box[1]);
  shown.sort((a, b) => area(b) - area(a)); // small ones on top
  const kept = new Set();
  shown.forEach((detection, index) => {
    // the same button for the same track: it keeps the focus while the thing moves
    const key = detection.track ? `${detection.detector} ${detection.track}` : `${detection.detector} no track ${index}`;
    kept.add(key);
    let button = buttons.get(key);
    if (!button) {
      button = element("button", { className: "box", type: "button", onclick: () => choose(button.detection) },
        element("span", { className: "tag" }));
      buttons.set(key, button);
      layer.append(button);
    }
    button.detection = detection;
    const [x1, y1, x2, y2] = detection.box;
    const { style } = button;
    style.left = `${(100 * x1) / about.width}%`;
    style.top = `${(100 * y1) / about.height}%`;
    style.width = `${(100 * (x2 - x1)) / about.width}%`;
    style.height = `${(100 * (y2 - y1)) / about.height}%`;
    style.zIndex = index;
    style.setProperty("--hue", hue(detection, detection.detector));
    button.classList.toggle("top", y1 < about.height * 0.05);
    const text = describe(detection);
    if (button.firstChild.textContent !== text) {
      button.firstChild.textContent = text;
      button.setAttribute("aria-label", text);
    }
    button.setAttribute("aria-pressed", String(isSelected(detection, about)));
  });
  for (const [key, button] of buttons) {
    if (!kept.has(key)) {
      button.remove();
      buttons.delete(key);
    }
  }
  canvas.setAttribute("aria-label", t("image_label", {
    what: all(about).map(({ name, label }) => (name && name !== "unknown" ? name : label)).join(", ") || t("nothing_found"),
  }));
}

export function isSelected(detection, about = stage.about) {
  return Boolean(about?.selected) && about.selected === `${detection.detector} ${detection.track}`;
}

async function choose(detection) {
  const [x1, y1, x2, y2] = detection.box;
  const { detector, track = "" } = detection;
  const at = { x: (x1 + x2) / 2, y: (y1 + y2) / 2, stamp_ns: stage.about.stamp_ns };
  const done = await attempt("select", { camera: stage.camera, detector, track, ...at });
  if (done !== undefined && track) showSelected(`${detector} ${track}`);
}

let chosenHere = null; // until the robot says it too

// Shown at once: the robot says it with the next image, and there is none in a pause.
export function showSelected(selected) {
  if (!stage.about) return;
  chosenHere = selected;
  stage.about = { ...stage.about, selected };
  drawBoxes();
  stage.onSelection(stage.about);
}

// One image may have been on its way when the choice was made here. It must not undo it: a form would lose the focus.
export function withChoice(about, { isImage }) {
  if (chosenHere === null) return about;
  const selected = chosenHere;
  if (isImage || about.selected === selected) chosenHere = null;
  return { ...about, selected };
}

// dragging a rectangle chooses what it holds best

let start = null;
let draggedAt = 0;

function at(event) {
  const bounds = layer.getBoundingClientRect();
  const clamp = (value) => Math.max(0, Math.min(1, value));
  return [clamp((event.clientX - bounds.left) / bounds.width), clamp((event.clientY - bounds.top) / bounds.height)];
}

layer.addEventListener("pointerdown", (event) => {
  if (event.button === 0 && event.pointerType !== "touch") start = { at: at(event), x: event.clientX, y: event.clientY, dragged: false };
});

window.addEventListener("pointermove", (event) => {
  if (!start) return;
  if (Math.hypot(event.clientX - start.x, event.clientY - start.y) > DRAG_PX) start.dragged = true;
  if (!start.dragged) return;
  const [x, y] = at(event);
  const outer = $("stage").getBoundingClientRect();
  const inner = layer.getBoundingClientRect();
  const { style } = rubber;
  rubber.hidden = false;
  style.left = `${inner.left - outer.left + Math.min(x, start.at[0]) * inner.width}px`;
  style.top = `${inner.top - outer.top + Math.min(y, start.at[1]) * inner.height}px`;
  style.width = `${Math.abs(x - start.at[0]) * inner.width}px`;
  style.height = `${Math.abs(y - start.at[1]) * inner.height}px`;
});

window.addEventListener("pointerup", (event) => {
  const drag = start;
  start = null;
  rubber.hidden = true;
  if (!drag?.dragged || !stage.about) return;
  draggedAt = event.timeStamp;
  const { width, height } = stage.about;
  const [x, y] = at(event);
  const area = [Math.min(x, drag.at[0]) * width, Math.min(y, drag.at[1]) * height,
    Math.max(x, drag.at[0]) * width, Math.max(y, drag.at[1]) * height];
  const best = all().map((detection) => [overlap(area, detection.box), detection]).sort((a, b) => b[0] - a[0])[0];
  if (best && best[0] > 0.05) choose(best[1]);
  else notice(t("nothing_found"));
});

// the click that ends a drag is not a click on a box
layer.addEventListener("click", (event) => {
  if (event.detail > 0 && event.timeStamp - draggedAt < 100) event.stopPropagation();
}, true);

function overlap(a, b) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
}

// A PNG of the image with the boxes that are shown.
export function still() {
  const { about } = stage;
  const picture = element("canvas", { width: canvas.width, height: canvas.height });
  const context = picture.getContext("2d");
  context.drawImage(canvas, 0, 0);
  if (stage.boxes && about.view !== "attention") {
    const scale = canvas.width / about.width;
    const size = Math.max(12, Math.round(canvas.width / 60));
    context.font = `600 ${size}px system-ui, sans-serif`;
    for (const detection of all(about)) {
      const [x1, y1, x2, y2] = detection.box.map((value) => value * scale);
      context.strokeStyle = context.fillStyle = hue(detection, detection.detector);
      context.lineWidth = Math.max(2, canvas.width / 400);
      context.strokeRect(x1, y1, x2 - x1, y2 - y1);
      const text = describe(detection);
      const top = Math.max(0, y1 - size * 1.4);
      context.fillRect(x1, top, context.measureText(text).width + 8, size * 1.4);
      context.fillStyle = "#10151a";
      context.fillText(text, x1 + 4, top + size * 1.05);
    }
  }
  picture.toBlob((blob) => {
    const link = element("a", { href: URL.createObjectURL(blob), download: `image_${about.stamp_ns}.png` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    notice(t("still_saved"));
  }, "image/png");
}
