// Everything by key: j/k move, Enter opens, Esc goes back, / searches, t goes to the time, g and a letter to a view, ? helps.

import { go } from "./desk.js";
import { isArriving } from "./views.js";

const AWAITS_LETTER = 5_000; // milliseconds after g

let afterG = 0;
const kept = []; // pressed while a view arrives, and meant for it

export function begin() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const field = writing(event.target);
    if (field) {
      if (event.key === "Escape") field.blur();
    } else if (isArriving()) {
      if (event.key.length > 1 && !["Enter", "Escape"].includes(event.key)) return;
      kept.push(event.key);
      event.preventDefault();
    } else if (press(event.key)) event.preventDefault();
  });
  addEventListener("pagehide", () => { kept.length = 0; });
  document.addEventListener("arrived", () => {
    while (kept.length && !isArriving()) again(kept.shift());
  });
}

function writing(element) {
  return element.closest("input:not([type=range]), textarea, select");
}

// True where the key means something.
function press(key) {
  if (Date.now() - afterG < AWAITS_LETTER) {
    afterG = 0;
    const view = document.querySelector(`.views a[data-letter="${CSS.escape(key)}"]`);
    view?.click();
    return Boolean(view);
  }
  return Object.hasOwn(KEYS, key) && KEYS[key]() !== false;
}

// A key that was kept does what it would have done here, on a link and in a field too.
function again(key) {
  const element = document.activeElement;
  const field = writing(element);
  if (field && key === "Escape") field.blur();
  else if (field) {
    if (key.length > 1 || field.selectionStart == null) return; // a field that takes no text
    field.setRangeText(key, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  } else if (key === "Enter") element.closest("a")?.click();
  else press(key);
}

const KEYS = {
  g: () => { afterG = Date.now(); },
  j: () => move(1),
  k: () => move(-1),
  "/": () => focus("search"),
  t: () => focus("slider") || focus("at"),
  "?": () => document.querySelector('.views a[data-letter="h"]')?.click(),
  Escape: back,
};

function rows() {
  return [...document.querySelectorAll("#part-list a[data-open]")];
}

function move(step) {
  const all = rows();
  if (!all.length) return false;
  const at = all.indexOf(document.activeElement);
  const chosen = all.findIndex((row) => row.hasAttribute("aria-current"));
  const next = at >= 0 ? at + step : chosen >= 0 && document.activeElement === document.body ? chosen + (step > 0 ? 0 : -1) : 0;
  all[Math.max(0, Math.min(all.length - 1, next))].focus();
}

function focus(id) {
  const element = document.getElementById(id);
  element?.focus();
  return Boolean(element);
}

function back() {
  const link = document.querySelector(".banner.then a");
  const query = new URLSearchParams(location.search);
  if (query.has("selected") && document.getElementById("part-detail")) {
    const row = document.getElementById(`row-${query.get("selected").replace("situation/", "")}`);
    query.delete("selected");
    go(`/?${query}`);
    row?.querySelector("a")?.focus(); // at once: later it would take the focus from whatever the reader went on to
    return true;
  }
  if (link) link.click();
  else if (!document.getElementById("part-list")) document.querySelector('.views a[data-letter="l"]')?.click();
  else document.activeElement?.blur();
  return true;
}
