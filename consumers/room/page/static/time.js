// The log's slider: pulled, it says which instant; let go, the room is shown as it was known then.

import { clock } from "./clock.js";

export function begin() {
  document.addEventListener("input", (event) => {
    if (event.target.id !== "slider") return;
    const shown = clock(instant(event.target), { near: document.querySelector("#part-header .line").dataset.now });
    event.target.setAttribute("aria-valuetext", shown);
    const told = document.getElementById("slid");
    if (told) told.textContent = shown;
  });
  document.addEventListener("change", (event) => {
    if (event.target.id !== "slider") return;
    const query = new URLSearchParams(location.search);
    if (event.target.value === event.target.max) query.delete("as_of");
    else query.set("as_of", instant(event.target).toISOString().replace(".000Z", "Z"));
    location.assign(`/?${query}`);
  });
}

function instant(slider) {
  return new Date(Date.parse(slider.dataset.begin) + Number(slider.value) * 60_000);
}
