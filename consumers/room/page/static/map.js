// The map: moved and zoomed by keys, wheel and pointer; a click on a municipality filters by its county.

import { go } from "./desk.js";

const STEP = 1.35;

export function begin() {
  unfold();
  document.addEventListener("arrived", unfold);
}

function unfold() {
  const map = document.getElementById("map");
  if (!map) return;
  const [, , width, height] = map.dataset.box.split(" ").map(Number);
  const whole = { x: 0, y: 0, width, height };
  let box = { ...whole };
  const layers = () => map.querySelectorAll("svg.land, svg.paint");

  const draw = () => {
    const text = `${box.x.toFixed(1)} ${box.y.toFixed(1)} ${box.width.toFixed(1)} ${box.height.toFixed(1)}`;
    for (const layer of layers()) layer.setAttribute("viewBox", text);
  };
  const zoom = (factor, x = box.x + box.width / 2, y = box.y + box.height / 2) => {
    const size = Math.min(1, Math.max(0.04, (box.width / whole.width) * factor));
    const next = { width: whole.width * size, height: whole.height * size };
    box = { x: x - ((x - box.x) * next.width) / box.width, y: y - ((y - box.y) * next.height) / box.height, ...next };
    if (size === 1) box = { ...whole };
    draw();
  };
  const shift = (x, y) => {
    box.x = Math.max(-box.width / 2, Math.min(whole.width - box.width / 2, box.x + x));
    box.y = Math.max(-box.height / 2, Math.min(whole.height - box.height / 2, box.y + y));
    draw();
  };
  const reset = () => {
    box = { ...whole };
    draw();
  };
  // The smallest view, in the shape of the country, that holds all of the chosen situation.
  const chosen = () => {
    const edges = [...map.querySelectorAll(".paint use.chosen")].map((each) => each.getBBox());
    if (!edges.length) return reset();
    const [left, top] = [Math.min(...edges.map((e) => e.x)), Math.min(...edges.map((e) => e.y))];
    const [right, bottom] = [Math.max(...edges.map((e) => e.x + e.width)), Math.max(...edges.map((e) => e.y + e.height))];
    const size = Math.min(1, Math.max(0.08, (1.4 * (right - left)) / whole.width, (1.4 * (bottom - top)) / whole.height));
    const [across, down] = [whole.width * size, whole.height * size];
    box = { x: (left + right - across) / 2, y: (top + bottom - down) / 2, width: across, height: down };
    draw();
  };
  const scale = () => Math.max(box.width / map.clientWidth, box.height / map.clientHeight);
  const place = (event) => {
    const edge = map.getBoundingClientRect();
    const per = scale();
    return {
      x: box.x + box.width / 2 + (event.clientX - edge.left - edge.width / 2) * per,
      y: box.y + box.height / 2 + (event.clientY - edge.top - edge.height / 2) * per,
    };
  };

  const keys = {
    ArrowLeft: () => shift(-box.width / 8, 0),
    ArrowRight: () => shift(box.width / 8, 0),
    ArrowUp: () => shift(0, -box.height / 8),
    ArrowDown: () => shift(0, box.height / 8),
    "+": () => zoom(1 / STEP),
    "-": () => zoom(STEP),
    "−": () => zoom(STEP),
    0: reset,
    s: chosen,
  };
  map.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  map.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    if (button) ({ in: () => zoom(1 / STEP), out: () => zoom(STEP), all: reset, chosen })[button.dataset.zoom]();
  });
  map.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const { x, y } = place(event);
      zoom(event.deltaY < 0 ? 1 / 1.15 : 1.15, x, y);
    },
    { passive: false },
  );

  let held = null;
  map.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button, a") || event.button) return;
    held = { id: event.pointerId, x: event.clientX, y: event.clientY, moved: false, code: event.target.dataset?.code };
  });
  map.addEventListener("pointermove", (event) => {
    document.getElementById("pointed").textContent = event.target.dataset?.name || "";
    if (!held || held.id !== event.pointerId) return;
    const [x, y] = [event.clientX - held.x, event.clientY - held.y];
    if (!held.moved && Math.hypot(x, y) < 4) return;
    if (!held.moved) map.setPointerCapture(event.pointerId);
    held = { ...held, moved: true, x: event.clientX, y: event.clientY };
    const per = scale();
    shift(-x * per, -y * per);
  });
  map.addEventListener("pointerup", () => {
    if (held && !held.moved && held.code) filter(held.code.slice(0, 2));
    held = null;
  });
  map.addEventListener("pointercancel", () => { held = null; });
  map.addEventListener("pointerleave", () => { document.getElementById("pointed").textContent = ""; });
  // The server draws the whole country; who looks closer keeps looking there.
  map.addEventListener("renewed", draw);
}

function filter(county) {
  const query = new URLSearchParams(location.search);
  if (query.get("county") === county) query.delete("county");
  else query.set("county", county);
  const select = document.querySelector("form.filter select[name=county]");
  if (select) select.value = query.get("county") || "";
  go(`/?${query}`);
}
