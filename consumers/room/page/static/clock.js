// Instants as the clocks of Sweden show them: with the date where it is another day than that of `near`, and with the zone
// in the night when the clocks are put back and an hour comes twice.

const format = (parts) => new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Stockholm", ...parts });
const minutes = format({ hour: "2-digit", minute: "2-digit" });
const seconds = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = format({ day: "numeric", month: "numeric" });
const zone = format({ timeZoneName: "short" });
const HOUR = 3_600_000;

export function clock(instant, { near = instant, toTheSecond = false } = {}) {
  const at = Number(new Date(instant));
  const told = [(toTheSecond ? seconds : minutes).format(at)];
  if (day.format(at) !== day.format(new Date(near))) told.unshift(day.format(at));
  if (comesTwice(at)) told.push(zone.formatToParts(at).find((part) => part.type === "timeZoneName").value);
  return told.join(" ");
}

function comesTwice(at) {
  const shown = minutes.format(at);
  return minutes.format(at - HOUR) === shown || minutes.format(at + HOUR) === shown;
}
