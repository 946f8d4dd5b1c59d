// What is new since this reader last said so. An account is remembered by the hub; of who has none, the instant is in the
// address, and this browser remembers it.

const NAME = "seen";
const LONGEST = 24 * 3_600_000; // what is older than a day is a night's sleep ago: then all is new, and nothing is marked

// False where the page is left at once for one that tells it.
export function begin() {
  const query = new URLSearchParams(location.search);
  const asked = query.get("since");
  if (asked) {
    localStorage.setItem(NAME, asked);
    return true;
  }
  const { asOf, past, account } = document.querySelector("#part-header .line")?.dataset ?? {};
  if (!asOf || past || account) return true;
  const seen = localStorage.getItem(NAME);
  if (!seen || Date.parse(asOf) - Date.parse(seen) > LONGEST || Date.parse(seen) > Date.parse(asOf)) {
    localStorage.setItem(NAME, asOf);
    return true;
  }
  query.set("since", seen);
  location.replace(`/?${query}`);
  return false;
}
