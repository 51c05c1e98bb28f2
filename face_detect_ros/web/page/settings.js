// SPDX-FileCopyrightText: 2026 face_detect_ros authors
// SPDX-License-Identifier: Apache-2.0

// Parameters of the nodes as controls with description and range.

import { attempt, notice } from "./api.js";
import { $, element, t } from "./text.js";

export async function loadSettings() {
  const card = $("settings_card");
  if (!card.open) return;
  const open = new Set([...card.querySelectorAll("details[open]")].map(({ dataset }) => dataset.node));
  const nodes = await attempt("parameters");
  if (nodes === undefined) return;
  $("settings").replaceChildren(...(nodes.length ? nodes.map((node) => showNode(node, open.has(node.node)))
    : [element("p", { className: "dim" }, t("no_settings"))]));
}

function showNode({ node, parameters }, open) {
  const details = element("details", { className: "node", open },
    element("summary", {}, element("h3", { style: "display: inline" }, node)),
    ...parameters.map((parameter) => showParameter(node, parameter)),
    element("p", {}, element("button", { type: "button", onclick: (event) => reconfigure(node, event.target) },
      t("reconfigure", { node }))));
  details.dataset.node = node;
  return details;
}

function showParameter(node, parameter) {
  const id = `${node}.${parameter.name}`;
  const [control, read] = makeControl(id, parameter);
  const apply = element("button", { className: "small", type: "submit" }, t("apply"));
  const when = parameter.read_only ? t("read_only") : parameter.at_configure ? t("at_configure") : "";
  const range = parameter.range ? t("range", { from: parameter.range[0], to: parameter.range[1] }) : "";
  const form = element("form", { className: "setting", onsubmit: async (event) => {
    event.preventDefault();
    const value = read();
    if (await attempt("set_parameter", { node, name: parameter.name, value }) === undefined) return;
    notice(t("changed", { name: parameter.name, value: String(value) }));
  } },
  element("label", { htmlFor: id }, element("code", {}, parameter.name)),
  element("p", { className: "note", id: `${id}.note` }, [parameter.description, range, when].filter(Boolean).join(" · ")),
  element("div", { className: "value" }, ...control, parameter.read_only ? null : apply));
  if (parameter.read_only) for (const each of control) each.disabled = true;
  return form;
}

function makeControl(id, { value, type, range, choices, name }) {
  const described = { id, "aria-describedby": `${id}.note` };
  if (type === "bool") {
    const box = element("input", { type: "checkbox", checked: value, ...described });
    return [[box], () => box.checked];
  }
  if (choices.length) {
    const select = element("select", described, ...choices.map((each) => element("option", { selected: each === value }, each)));
    return [[select], () => select.value];
  }
  if (type === "string") {
    const text = element("input", { type: "text", value, maxLength: 1000, ...described });
    return [[text], () => text.value];
  }
  const step = type === "int" ? 1 : "any";
  const number = element("input", { type: "number", step, value, required: true, ...described });
  const controls = [number];
  if (range) {
    [number.min, number.max] = range;
    if (range[1] - range[0] <= 1000) {
      const slider = element("input", { type: "range", min: range[0], max: range[1],
        step: type === "int" ? 1 : (range[1] - range[0]) / 100, value, "aria-label": name,
        oninput: () => { number.value = slider.value; } });
      number.addEventListener("input", () => { slider.value = number.value; });
      controls.unshift(slider);
    }
  }
  return [controls, () => Number(number.value)];
}

async function reconfigure(node, button) {
  button.disabled = true;
  if (await attempt("reconfigure", { node }) !== undefined) notice(t("reconfigured", { node }));
  button.disabled = false;
  loadSettings();
}

export function startSettings() {
  $("settings_card").addEventListener("toggle", loadSettings);
}
