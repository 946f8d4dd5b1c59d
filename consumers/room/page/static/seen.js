// What is new since this reader last said so: the instant is in the address, and this browser remembers it.

const NAME = "seen";
const LONGEST = 24 * 3_600_000; // what is older than a day is a night's sleep ago: then all is new, and nothing is marked

export function begin() {
  const query = new URLSearchParams(location.search);
  const asked = query.get("since");
  if (asked) {
    localStorage.setItem(NAME, asked);
    return;
  }
  const asOf = document.querySelector("#part-header .line")?.dataset.asOf;
  if (!asOf || query.has("as_of")) return;
  const seen = localStorage.getItem(NAME);
  if (!seen || Date.parse(asOf) - Date.parse(seen) > LONGEST || Date.parse(seen) > Date.parse(asOf)) {
    localStorage.setItem(NAME, asOf);
    return;
  }
  query.set("since", seen);
  location.replace(`/?${query}`);
}
