// SPDX-FileCopyrightText: 2026 face_detect_ros authors
// SPDX-License-Identifier: Apache-2.0

// People in the gallery: list, enroll, rename, forget, add from photos.

import { attempt, notice, sendPhoto } from "./api.js";
import { $, date, element, t } from "./text.js";

let revision = "";

export async function loadPeople() {
  if (!$("people_card").open) return;
  const people = await attempt("people");
  if (people === undefined) return;
  $("nobody").hidden = people.length > 0;
  $("people").replaceChildren(...people.map((person) => element("li", {},
    element("div", { className: "row" },
      element("h3", {}, person.name),
      element("span", {},
        element("button", { className: "small", type: "button", "aria-label": `${t("rename")}: ${person.name}`,
          onclick: () => rename(person.name) }, t("rename")), " ",
        element("button", { className: "small", type: "button", "aria-label": `${t("forget")}: ${person.name}`,
          onclick: () => forget(person.name) }, t("forget")))),
    showLooks(person))));
}

function showLooks({ looks, since, dates }) {
  const text = [t("looks", { count: looks }), since && t("since", { date: date(since) })].filter(Boolean).join(", ");
  if (!dates?.length) return element("p", { className: "note" }, text);
  return element("details", { className: "values" }, element("summary", {}, text),
    element("ul", { className: "note" }, ...dates.map((each) => element("li", {}, date(each)))));
}

// The report says when the gallery changes, by whichever process.
export function watchPeople(report) {
  if (report.people_revision !== revision) {
    revision = report.people_revision;
    loadPeople();
  }
}

export async function enroll(name) {
  notice(t("enrolling", { name }));
  const message = await attempt("enroll", { name });
  if (message !== undefined) notice(message);
  loadPeople();
}

async function rename(name) {
  const new_name = prompt(t("rename_to", { name }), name)?.trim();
  if (!new_name || new_name === name) return;
  const message = await attempt("rename", { name, new_name });
  if (message !== undefined) notice(message);
  loadPeople();
}

async function forget(name) {
  if (!confirm(t("forget_question", { name }))) return;
  const message = await attempt("forget", { name });
  if (message !== undefined) notice(message);
  loadPeople();
}

async function addPhotos(name, files) {
  const bar = $("photo_progress");
  const outcomes = $("photo_outcomes");
  const button = $("photos").querySelector("button");
  Object.assign(bar, { hidden: false, value: 0, max: files.length });
  outcomes.replaceChildren();
  button.disabled = true;
  for (const file of files) {
    let line;
    try {
      const { enrolled, "new": isNew, message } = await sendPhoto(name, file);
      line = enrolled
        ? element("li", { className: "good" }, t(isNew ? "photo_new" : "photo_known", { file: file.name }))
        : element("li", { className: "bad" }, t("photo_refused", { file: file.name, why: message }));
    } catch (error) {
      line = element("li", { className: "bad" }, t("photo_refused", { file: file.name, why: error.message }));
    }
    outcomes.append(line);
    bar.value += 1;
  }
  button.disabled = false;
  bar.hidden = true;
  loadPeople();
}

export function startPeople() {
  const form = $("photos");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    addPhotos($("photo_name").value.trim(), [...$("photo_files").files]);
  });
  form.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    const files = [...event.dataTransfer.files].filter((file) => file.type.startsWith("image/"));
    if (!files.length) return;
    const name = $("photo_name");
    if (name.reportValidity()) addPhotos(name.value.trim(), files);
  });
  $("people_card").addEventListener("toggle", loadPeople);
}
