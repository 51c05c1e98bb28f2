// SPDX-FileCopyrightText: 2026 face_detect_ros authors
// SPDX-License-Identifier: Apache-2.0

// Diagnostics in color with their hints, and small plots of rates and latency.

import { $, element, t } from "./text.js";

const LEVELS = ["ok", "warn", "error", "stale"];
const SIGNS = ["✓", "▲", "✕", "…"];
const FEWEST_POINTS = 20; // a plot shows at least so many seconds
const MOST_POINTS = 120;
const PLOTS = [
  [["input_hz", "rate_in"], ["output_hz", "rate_out"]],
  [["latency_p50_ms", "latency"], ["network_p50_ms", "network"]],
];
const history = new Map();
const rows = new Map();
const plots = new Map();

export function showHealth(report) {
  const list = $("health");
  const names = new Set(report.nodes.map(({ name }) => name));
  for (const [name, row] of rows) {
    if (!names.has(name)) {
      row.remove();
      rows.delete(name);
    }
  }
  if (!report.nodes.length) {
    list.replaceChildren(element("li", { className: "dim" }, t("no_reports")));
    rows.clear();
  } else if (!rows.size) list.replaceChildren();
  for (const node of report.nodes) {
    let row = rows.get(node.name);
    if (!row) {
      row = element("li", {},
        element("div", { className: "row" }, element("h3"), element("span")),
        element("p", { className: "note message" }),
        element("p", { className: "note facts" }),
        element("details", { className: "values" }, element("summary"), element("table")));
      rows.set(node.name, row);
      list.append(row);
    }
    const level = Math.min(node.level, 3);
    const badge = row.querySelector(".row span");
    row.querySelector("h3").textContent = node.name;
    badge.className = `level ${LEVELS[level]}`;
    badge.textContent = `${SIGNS[level]} ${t(LEVELS[level])}`;
    const message = row.querySelector(".message");
    message.textContent = node.message;
    message.hidden = level === 0;
    const { model, device, engine, source } = node.values;
    row.querySelector(".facts").textContent = [model, device, engine, source].filter(Boolean).join(" · ");
    row.querySelector("summary").textContent = t("all_values");
    if (row.querySelector("details").open) {
      row.querySelector("table").replaceChildren(element("tbody", {}, ...Object.entries(node.values).map(([key, value]) =>
        element("tr", {}, element("th", { scope: "row" }, key), element("td", {}, value)))));
    }
  }
}

export function showPlots(report) {
  const place = $("plots");
  for (const node of report.nodes) {
    if (!("output_hz" in node.values) || !("input_hz" in node.values)) continue;
    const past = history.get(node.name) ?? [];
    past.push(node.values);
    if (past.length > MOST_POINTS) past.shift();
    history.set(node.name, past);
    let plot = plots.get(node.name);
    if (!plot) {
      plot = element("section", { className: "plot" }, element("h3", {}, node.name));
      for (const series of PLOTS) plot.append(makeFigure(series));
      plot.append(element("p", { className: "note drops" }));
      plots.set(node.name, plot);
      place.append(plot);
    }
    [...plot.querySelectorAll("figure")].forEach((figure, index) => drawFigure(figure, PLOTS[index], past));
    const { dropped, received } = node.values;
    plot.querySelector(".drops").textContent = received ? `${t("dropped")}: ${dropped} / ${received}` : "";
  }
}

function makeFigure(series) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true"); // the figures below say it
  const caption = element("figcaption");
  series.forEach((_, index) => {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute("class", "ab"[index]);
    svg.append(line);
    caption.append(element("span", {}, element("span", { className: `key ${"ab"[index]}` }), element("span")));
  });
  caption.append(element("span", { className: "scale", ariaHidden: "true" }));
  return element("figure", {}, svg, caption);
}

function drawFigure(figure, series, past) {
  const values = series.map(([key]) => past.map((each) => Number.parseFloat(each[key])));
  const top = roundUp(Math.max(1, ...values.flat().filter(Number.isFinite)));
  const span = Math.max(FEWEST_POINTS, past.length) - 1;
  figure.querySelector("svg").setAttribute("viewBox", `0 0 ${span} 100`);
  figure.querySelector(".scale").textContent = `0–${top}`;
  const lines = figure.querySelectorAll("polyline");
  const captions = figure.querySelectorAll("figcaption > span:not(.scale)");
  values.forEach((line, index) => {
    const from = span + 1 - line.length;
    lines[index].setAttribute("points", line
      .map((value, x) => (Number.isFinite(value) ? `${from + x},${(100 - (98 * value) / top).toFixed(1)}` : ""))
      .join(" "));
    const last = line.at(-1);
    captions[index].lastChild.textContent = `${t(series[index][1])}: ${Number.isFinite(last) ? last.toFixed(last < 100 ? 1 : 0) : "–"}`;
  });
}

function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 1.5, 2, 3, 4, 5, 7.5, 10].find((factor) => power * factor >= value);
}
