// SPDX-FileCopyrightText: 2026 face_detect_ros authors
// SPDX-License-Identifier: Apache-2.0

// Texts in the chosen language, and small helpers for elements.

let texts = {};

export const $ = (id) => document.getElementById(id);

export function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

export async function useLanguage(language) {
  texts = await (await fetch(`/page/languages/${language}.json`)).json();
  document.documentElement.lang = language;
  for (const each of document.querySelectorAll("[data-text]")) each.textContent = t(each.dataset.text);
  for (const each of document.querySelectorAll("[data-label]")) each.setAttribute("aria-label", t(each.dataset.label));
}

export function stored(key, fallback) {
  try {
    return localStorage.getItem(`face_detect_ros.${key}`) ?? fallback;
  } catch {
    return fallback;
  }
}

export function store(key, value) {
  try {
    localStorage.setItem(`face_detect_ros.${key}`, value);
  } catch { /* a private window keeps nothing */ }
}

export function date(text) {
  const then = new Date(text);
  return isNaN(then) ? text : then.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
}
