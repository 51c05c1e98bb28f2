// SPDX-FileCopyrightText: 2026 face_detect_ros authors
// SPDX-License-Identifier: Apache-2.0

// Puts the page together.

import { attempt, notice } from "./api.js";
import { showHealth, showPlots } from "./health.js";
import { Live } from "./live.js";
import { enroll, loadPeople, startPeople, watchPeople } from "./people.js";
import { loadSettings, startSettings } from "./settings.js";
import { all, clear, describe, drawBoxes, isSelected, show, showSelected, stage, still, withChoice } from "./stage.js";
import { $, element, store, stored, t, useLanguage } from "./text.js";

let live = null;
let paused = false;
let chosen = "camera"; // by the user; what can be shown now may be less
let view = chosen;
let state = "connecting";
let cameras = {};
let recording = false;
let seen = null; // the image on the canvas
const times = [];

function watch() {
  if (seen && (seen.camera !== stage.camera || seen.view !== view)) {
    clear();
    seen = null;
    showSelection({ selected: "" });
    showEmpty();
  }
  stage.about = null;
  live?.watch({ camera: stage.camera, view, in_step: $("in_step").checked, paused: paused || document.hidden });
}

function showState(next) {
  state = next;
  const pill = $("connection");
  pill.textContent = t(state);
  pill.className = `pill ${state === "connected" ? "on" : state === "connecting" ? "" : "off"}`;
}

function showEmpty() {
  if (stage.about) return;
  $("empty").textContent = t(paused ? "paused" : view === "camera" ? "waiting" : "waiting_view");
}

function onImage(about, bitmap) {
  if (paused || about.camera !== stage.camera || about.view !== view) return;
  about = withChoice(about, { isImage: true });
  show(about, bitmap);
  seen = about;
  const now = performance.now();
  times.push(now);
  while (times[0] < now - 3000) times.shift();
  const age = Date.now() - Number(BigInt(about.stamp_ns) / 1000000n);
  const rate = times.length > 1 ? (1000 * (times.length - 1)) / (now - times[0]) : 0;
  $("figures").textContent = t("figures", { width: about.width, height: about.height, rate: rate.toFixed(1),
    // stamps of another clock say nothing
    age: Math.abs(age) < 60000 ? t("age", { ms: Math.max(0, age) }) : "" }).replace(/[,\uff0c]\s*$/, "");
  showSelection(about);
}

function onBoxes(about) {
  if (about.number !== stage.about?.number) return;
  about = withChoice(about, { isImage: false });
  stage.about = about;
  drawBoxes();
  showSelection(about);
}

function showSelection(about) {
  const selected = all(about).find((each) => isSelected(each, about));
  $("selection").hidden = !about.selected;
  if (!about.selected) return;
  const [, track] = about.selected.split(" ");
  const title = t("following", { what: selected ? describe(selected) : t("track", { id: track }) });
  if ($("selected_title").textContent !== title) $("selected_title").textContent = title;
  const face = about.selected.startsWith("face_detector ");
  for (const each of [$("enroll_name").parentElement, $("selection").querySelector(".primary")]) each.hidden = !face;
}

function showChoices(report) {
  if (JSON.stringify(report.cameras) === JSON.stringify(cameras)) return;
  cameras = report.cameras;
  const names = Object.keys(cameras);
  if (!(stage.camera in cameras)) stage.camera = names[0] ?? "";
  $("camera_choice").hidden = names.length < 2;
  $("camera").replaceChildren(...names.map((name) => element("option", { value: name, selected: name === stage.camera }, name)));
  const views = cameras[stage.camera] ?? [];
  view = views.includes(chosen) ? chosen : views[0] ?? "camera";
  $("views").replaceChildren(
    element("legend", { className: "hidden" }, t("view")),
    ...views.map((name) => element("label", {},
      element("input", { type: "radio", name: "view", value: name, checked: name === view,
        onchange: () => { chosen = view = name; watch(); showEmpty(); } }),
      element("span", {}, t(`view_${name}`)))));
  watch();
}

function onReport(report) {
  showChoices(report);
  showHealth(report);
  showPlots(report);
  watchPeople(report);
  recording = Boolean(report.recording);
  const button = $("record");
  button.hidden = report.recording === undefined;
  button.setAttribute("aria-pressed", String(recording));
  button.textContent = t(recording ? "stop_recording" : "record");
}

async function language(chosen) {
  await useLanguage(chosen);
  showState(state);
  showEmpty();
  $("pause").textContent = t(paused ? "resume" : "pause");
  $("record").textContent = t(recording ? "stop_recording" : "record");
  cameras = {};
  loadPeople();
  loadSettings();
}

async function start() {
  const { languages } = await fetch("/api/about").then((answer) => answer.json(), () => ({ languages: ["en"] }));
  const names = { en: "English", zh: "中文" };
  const wish = stored("language", navigator.language.slice(0, 2));
  const chosen = languages.includes(wish) ? wish : "en";
  $("language").replaceChildren(...languages.map((each) =>
    element("option", { value: each, selected: each === chosen, lang: each }, names[each] ?? each)));
  await language(chosen);

  $("theme").value = document.documentElement.dataset.theme = stored("theme", "");
  $("theme").onchange = ({ target }) => store("theme", document.documentElement.dataset.theme = target.value);
  $("language").onchange = ({ target }) => { store("language", target.value); language(target.value); };
  $("camera").onchange = ({ target }) => { stage.camera = target.value; watch(); showEmpty(); };
  $("in_step").onchange = watch;
  $("show_boxes").onchange = ({ target }) => { stage.boxes = target.checked; drawBoxes(); };
  $("show_names").onchange = ({ target }) => { stage.names = target.checked; drawBoxes(); };
  $("still").onclick = () => stage.about && still();
  $("pause").onclick = () => {
    paused = !paused;
    $("pause").setAttribute("aria-pressed", String(paused));
    $("pause").textContent = t(paused ? "resume" : "pause");
    const frozen = stage.about; // the image stays, with its boxes
    watch();
    stage.about = paused ? frozen : null;
  };
  $("record").onclick = async () => {
    const answer = await attempt("record", { on: !recording });
    if (answer) notice(t(answer.on ? "recording_to" : "recorded", answer));
  };
  stage.onSelection = showSelection;
  $("unselect").onclick = async () => {
    if ((await attempt("unselect", { camera: stage.camera })) !== undefined) showSelected("");
  };
  $("selection").onsubmit = (event) => { event.preventDefault(); enroll($("enroll_name").value.trim()); };
  document.addEventListener("visibilitychange", watch);
  startPeople();
  startSettings();

  live = new Live({
    onImage,
    onBoxes,
    onReport,
    onState: (next) => {
      showState(next);
      if (next !== "connected") cameras = {};
    },
  });
  watch();
}

start();
