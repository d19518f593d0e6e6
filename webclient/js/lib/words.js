// Which words to show, and numbers put into them. The words themselves are the template's.

/**
 * Puts values in the places of a text: fill("about {min} to {max} minutes", { min: 5, max: 10 }).
 * @param {string} text
 * @param {Record<string, string | number>} values
 */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * Seconds as a clock shows them: 1122 is "18:42". Never negative; the second that has begun counts.
 * @param {number} seconds
 */
export function clockText(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/**
 * Which of the waiting texts fits the range, in minutes; null where nobody knows.
 * @param {number | null | undefined} least
 * @param {number | null | undefined} most
 * @returns {"unknown" | "under" | "single" | "range"}
 */
export function waitKind(least, most) {
  if (least == null || most == null) return "unknown";
  if (least <= 0) return "under";
  return least === most ? "single" : "range";
}

/**
 * The notice whose moment lies between two looks at the clock; null for none. A page that comes back late is not told of
 * one that has gone by.
 * @param {number | null} before seconds left at the last look; null at the first
 * @param {number} now seconds left
 * @param {readonly number[]} notices seconds before the end
 */
export function noticeBetween(before, now, notices) {
  if (before === null) return null;
  const due = notices.filter((at) => before > at && now <= at && now > 0);
  return due.length > 0 ? Math.min(...due) : null;
}

/**
 * What the picture's place says when there is no picture to see; "" when there is.
 * @param {{ media: string, peer?: { present?: boolean, cameraOff?: boolean } }} state
 * @param {boolean} hasPicture a frame of the other's camera has been shown
 * @returns {"" | "connecting" | "reconnecting" | "away" | "camera-off"}
 */
export function stageWords({ media, peer }, hasPicture) {
  if (media === "reconnecting") return peer?.present === false ? "away" : "reconnecting";
  if (media !== "connected") return peer?.present === false && hasPicture ? "away" : "connecting";
  return peer?.cameraOff || !hasPicture ? "camera-off" : "";
}

/**
 * Whole minutes since an instant, never negative.
 * @param {string} iso
 * @param {number} nowMs
 */
export function minutesSince(iso, nowMs) {
  return Math.max(0, Math.floor((nowMs - Date.parse(iso)) / 60000));
}
