// Instants as the clocks of Sweden show them: with the date where it is another day than that of `near`, and with the zone
// in the night when the clocks are put back and an hour comes twice.

const format = (parts) => new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Stockholm", ...parts });
const minutes = format({ hour: "2-digit", minute: "2-digit" });
const seconds = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const numbers = format({ day: "numeric", month: "numeric" });
const month = new Intl.DateTimeFormat("en-US", { timeZone: "Europe/Stockholm", month: "short" });
const dayOfMonth = format({ day: "numeric" });
const zone = format({ timeZoneName: "short" });
const HOUR = 3_600_000;

export function clock(instant, { near = instant, toTheSecond = false } = {}) {
  const at = Number(new Date(instant));
  const told = [(toTheSecond ? seconds : minutes).format(at)];
  if (day(at) !== day(new Date(near))) told.unshift(day(at));
  if (comesTwice(at)) told.push(zone.formatToParts(at).find((part) => part.type === "timeZoneName").value);
  return told.join(" ");
}

/** `11/1` in Swedish, `11 Jan` in English, as the server writes it. */
function day(instant) {
  if (document.documentElement.lang === "sv") return numbers.format(instant);
  return `${dayOfMonth.format(instant)} ${month.format(instant)}`;
}

function comesTwice(at) {
  const shown = minutes.format(at);
  return minutes.format(at - HOUR) === shown || minutes.format(at + HOUR) === shown;
}
