// The views. The page stays while one gives way to another, so that no key is lost between them; each is an address of its
// own all the same. Where there is no room for all their names, the one that is shown is in sight.

import { show } from "./desk.js";
import { morph } from "./morph.js";

const PATIENCE = 10_000; // milliseconds; then the browser itself goes there, and says what is wrong
const AROUND = ["part-header", "part-tiles", "part-timeline"];
const OF_THE_MOMENT = ["live", "stream-lost"]; // looks that the page gave itself

let shown = null;
let underWay = null; // what is being fetched, until it is shown

export function begin() {
  shown = viewOf(location);
  showChosen();
  addEventListener("resize", showChosen);
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".views a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
    event.preventDefault();
    arrive(link.href, { isStep: true });
  });
  addEventListener("popstate", () => {
    if (viewOf(location) !== shown) return arrive(location.href, { isStep: false });
    underWay?.abort();
    underWay = null;
    show();
  });
}

export function isArriving() {
  return underWay !== null;
}

function viewOf(address) {
  return new URLSearchParams(address.search).get("tab") ?? "situations";
}

// Who asks for another view meanwhile gets that one. `arrived` tells how far the stream was when this one was asked for.
async function arrive(address, { isStep }) {
  underWay?.abort();
  const own = (underWay = new AbortController());
  const late = setTimeout(() => own.abort(), PATIENCE);
  const mark = document.body.dataset.stream;
  let fresh;
  try {
    const answer = await fetch(address, { redirect: "manual", headers: { accept: "text/html" }, signal: own.signal });
    if (!answer.ok) throw new Error(`${answer.status}`);
    fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    // The session is over, or the hub away: that is for a page of its own to say.
    if (underWay !== own) return;
    underWay = null;
    if (isStep) location.assign(address);
    else location.reload();
    return;
  } finally {
    clearTimeout(late);
  }
  if (underWay !== own) return;
  underWay = null;
  if (isStep) history.pushState(null, "", address);
  shown = viewOf(location);
  take(fresh);
  if (isStep) scrollTo(0, 0);
  document.dispatchEvent(new CustomEvent("arrived", { detail: mark }));
}

function take(fresh) {
  const page = document.documentElement;
  const looks = OF_THE_MOMENT.filter((name) => page.classList.contains(name));
  page.className = fresh.documentElement.className;
  page.classList.add(...looks);
  document.title = fresh.title;
  for (const id of AROUND) morph(document.getElementById(id), fresh.getElementById(id).innerHTML);
  morph(document.querySelector(".views"), fresh.querySelector(".views").innerHTML);
  const [main, wanted] = [document.getElementById("main"), fresh.getElementById("main")];
  main.className = wanted.className;
  main.replaceChildren(...wanted.childNodes);
  showChosen();
}

function showChosen() {
  const chosen = document.querySelector(".views a[aria-current]");
  if (!chosen) return;
  const views = chosen.parentElement;
  const [around, own] = [views.getBoundingClientRect(), chosen.getBoundingClientRect()];
  views.scrollLeft += own.left + own.width / 2 - (around.left + around.width / 2);
}
