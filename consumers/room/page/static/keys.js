// Everything by key: j/k move, Enter opens, Esc goes back, / searches, t goes to the time, g and a letter to a view, ? helps.

import { go } from "./desk.js";

const AWAITS_LETTER = 5_000; // milliseconds after g

let afterG = 0;

export function begin() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const writing = event.target.closest("input:not([type=range]), textarea, select");
    if (writing) {
      if (event.key === "Escape") writing.blur();
      return;
    }
    if (Date.now() - afterG < AWAITS_LETTER) {
      afterG = 0;
      const view = document.querySelector(`.views a[data-letter="${CSS.escape(event.key)}"]`);
      if (view) {
        event.preventDefault();
        view.click();
      }
      return;
    }
    const act = KEYS[event.key];
    if (act && act(event) !== false) event.preventDefault();
  });
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
