// The live picture: the stream names what changed, and only those parts are fetched again. Raises the alarm when the
// stream has been silent for too long.

import { clock } from "./clock.js";
import { morph } from "./morph.js";

const SILENT_AFTER = 10_000; // milliseconds without a word from the hub; it speaks at least every few seconds
const RETRY = 3_000;
const AGAIN = 1_500;

const parts = () => [...document.querySelectorAll("[data-part]")];
const underWay = new Map(); // part -> whether it is wanted once more
let lastContact = Date.now();
let ahead = 0; // by how much the hub's clock is ahead of this one
let source = null;

export function begin() {
  readClock();
  setInterval(tick, 1_000);
  awaitOthers();
  document.addEventListener("arrived", ({ detail: mark }) => {
    awaitOthers();
    if (document.body.dataset.stream !== mark) renew(parts()); // what was told meanwhile
  });
  if (isPast()) return;
  connect();
}

function line() {
  return document.querySelector("#part-header .line");
}

function isPast() {
  return Boolean(line()?.dataset.past);
}

function readClock() {
  const now = line()?.dataset.now;
  if (now) ahead = Date.parse(now) - Date.now();
}

function connect() {
  const address = document.body.dataset.stream;
  if (!address) return;
  source = new EventSource(address);
  source.addEventListener("open", heard);
  for (const kind of ["changes", "anew", "pulse"]) source.addEventListener(kind, (event) => told(kind, JSON.parse(event.data)));
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) {
      source = null;
      setTimeout(reconnect, RETRY);
    }
  });
}

// A stream that the server refused: the session may be over, and then the page itself says so.
async function reconnect() {
  try {
    const answer = await fetch(partAddress("header"), { redirect: "manual", headers: { accept: "text/html" } });
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      location.reload();
      return;
    }
    if (answer.ok) {
      connect();
      renew(parts());
      return;
    }
  } catch {
    // still away: the clock goes on
  }
  setTimeout(reconnect, RETRY);
}

function told(kind, said) {
  heard();
  if (said.mark) document.body.dataset.stream = `/v1/changes?after=${encodeURIComponent(said.mark)}`;
  if (said.as_of) showAsOf(said.as_of);
  if ("settled" in said) showSettled(said.settled);
  if (kind === "anew") renew(parts());
  if (kind !== "changes") return;
  const kinds = new Set([...Object.keys(said.changed), ...said.gone].map((key) => key.split("/", 1)[0]));
  kinds.add("summary");
  renew(parts().filter((part) => part.dataset.keys.split(" ").some((name) => kinds.has(name)))).then(() => announce(kinds));
}

// While the hub catches up, the whole page looks it.
function showSettled(settled) {
  if (document.documentElement.classList.toggle("catching-up", !settled) === Boolean(document.querySelector(".banner.catching"))) return;
  renew(parts().filter((part) => part.dataset.part === "header"));
}

function heard() {
  lastContact = Date.now();
  const wasLost = document.documentElement.classList.contains("stream-lost");
  document.documentElement.classList.remove("stream-lost");
  document.getElementById("lost").hidden = true;
  if (wasLost) renew(parts());
}

function showAsOf(asOf) {
  const header = line();
  if (!header) return;
  header.dataset.asOf = asOf;
  const time = header.querySelector(".as-of time");
  if (time) {
    time.dateTime = asOf;
    time.textContent = clock(asOf, { toTheSecond: true });
  }
}

// Every second: how old the picture is, and whether anybody still tells.
function tick() {
  const header = line();
  if (!header || isPast()) return;
  const age = Math.max(0, Math.round((Date.now() + ahead - Date.parse(header.dataset.asOf)) / 1_000));
  const shown = document.getElementById("age");
  if (shown) shown.textContent = age < 120 ? `${age} s` : `${Math.floor(age / 60)} min`;
  if (document.body.dataset.stream && Date.now() - lastContact > SILENT_AFTER) lose();
}

function lose() {
  document.documentElement.classList.add("stream-lost");
  document.getElementById("last-contact").textContent = clock(lastContact + ahead, { toTheSecond: true });
  document.getElementById("lost").hidden = false;
  if (source?.readyState === EventSource.CLOSED) source = null;
}

function partAddress(name) {
  return `/parts/${name}${location.search}`;
}

// What is still being made is asked for again.
function awaitOthers() {
  const waiting = parts().filter((part) => part.querySelector("[data-under-way]"));
  if (!waiting.length) return;
  const others = parts().filter((part) => ["tiles", "list", "news"].includes(part.dataset.part));
  setTimeout(() => renew(others).then(awaitOthers), AGAIN);
}

// Fetches parts again; one that is being fetched is fetched once more when that is done.
export function renew(wanted) {
  return Promise.all(wanted.map(fetchPart));
}

async function fetchPart(part) {
  const name = part.dataset.part;
  if (underWay.has(name)) {
    underWay.set(name, true);
    return;
  }
  underWay.set(name, false);
  const address = partAddress(name);
  try {
    const answer = await fetch(address, { redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 401) location.reload();
    else if (address !== partAddress(name)) underWay.set(name, true); // the reader has gone on
    else if (answer.ok) morph(part, await answer.text());
    if (name === "header") readClock();
    part.dispatchEvent(new CustomEvent("renewed", { bubbles: true }));
  } catch {
    // the hub is away; the alarm says so, and everything is fetched when it is back
  } finally {
    const again = underWay.get(name);
    underWay.delete(name);
    const now = document.querySelector(`[data-part="${name}"]`);
    if (again && now) fetchPart(now);
  }
}

// Those who hear the page are told of what is severe, and of nothing else.
let said = null;
function announce(kinds) {
  if (!kinds.has("situation")) return;
  const first = document.querySelector("#part-list li.l5 .first, #part-list li.l4 .first");
  const text = first ? first.textContent.replace(/\s+/g, " ").trim() : "";
  if (text && text !== said) {
    said = text;
    document.getElementById("heard").textContent = text;
  }
}
