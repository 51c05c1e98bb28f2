// SPDX-FileCopyrightText: 2026 face_detect_ros authors
// SPDX-License-Identifier: Apache-2.0

// Actions of the server, and notices about what became of them.

import { $, t } from "./text.js";

let timer = 0;

export function notice(text, bad = false) {
  const place = $("notice");
  place.textContent = text;
  place.classList.toggle("bad", bad);
  clearTimeout(timer);
  timer = setTimeout(() => { place.textContent = ""; }, bad ? 12000 : 5000);
}

async function answer(request) {
  let response;
  try {
    response = await request;
  } catch {
    throw new Error(t("unreachable"));
  }
  const body = await response.json().catch(() => ({ error: response.statusText }));
  if (!response.ok) throw new Error(body.error || response.statusText);
  return body.result;
}

export function act(action, values = {}) {
  return answer(fetch(`/api/${action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(values),
  }));
}

export function sendPhoto(name, file) {
  const query = new URLSearchParams({ name, file: file.name });
  return answer(fetch(`/api/photo?${query}`, { method: "POST", body: file }));
}

// What an action returns; undefined, and a notice, if it fails.
export async function attempt(action, values) {
  try {
    return (await act(action, values)) ?? null;
  } catch (error) {
    notice(t("failed", { why: error.message }), true);
    return undefined;
  }
}
