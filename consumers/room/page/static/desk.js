// The desk: opening a situation and filtering without leaving the page. Each step is an address of its own.

import { renew } from "./live.js";

const AFFECTED = ["list", "map", "detail", "timeline"];

export function begin() {
  document.documentElement.classList.add("live");
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-open]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    if (!document.getElementById("part-detail")) return;
    event.preventDefault();
    go(link.href);
  });
  filter();
  document.addEventListener("arrived", filter);
}

function filter() {
  const form = document.querySelector("form.filter");
  if (!form) return;
  const send = () => {
    if (!form.isConnected) return; // another view was asked for meanwhile
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) query.set(name, value);
    go(`/?${query}`);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  form.addEventListener("change", send);
  let waiting;
  form.elements.text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(send, 250);
  });
}

export async function go(address) {
  if (new URL(address, location).search === location.search) return;
  history.pushState(null, "", address);
  await show();
}

// The desk as the address has it.
export async function show() {
  const query = new URLSearchParams(location.search);
  document.getElementById("main").classList.toggle("has-chosen", query.has("selected"));
  languages(query);
  const parts = [...document.querySelectorAll("[data-part]")].filter((part) => AFFECTED.includes(part.dataset.part));
  const detail = document.getElementById("part-detail");
  if (detail) detail.scrollTop = 0;
  await renew(parts);
}

// The links of the frame keep what is chosen now.
function languages(query) {
  for (const link of document.querySelectorAll(".views a, .languages a")) {
    const target = new URL(link.href);
    for (const name of ["selected", "county", "service", "actor", "severity", "text"]) {
      if (query.has(name)) target.searchParams.set(name, query.get(name));
      else target.searchParams.delete(name);
    }
    link.href = target.search ? `/${target.search}` : "/";
  }
}
