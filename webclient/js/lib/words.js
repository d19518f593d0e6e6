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
 * What the picture's place says when there is no picture to see; "" when there is.
 * @param {{ media: string, peer?: { present?: boolean, cameraOff?: boolean, away?: "" | "phone" | "hidden" } }} state
 * @param {boolean} hasPicture a frame of the other's camera has been shown
 * @returns {"" | "connecting" | "reconnecting" | "away" | "phone" | "hidden" | "camera-off"}
 */
export function stageWords({ media, peer }, hasPicture) {
  // who is on the phone sends nothing for a while: that is no broken connection
  if (media === "reconnecting" && peer?.away) return peer.away;
  if (media === "reconnecting") return peer?.present === false ? "away" : "reconnecting";
  if (media !== "connected") return peer?.present === false && hasPicture ? "away" : "connecting";
  if (peer?.away) return peer.away;
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

/**
 * What a person is called on a button: "Admit Ana".
 * @param {string} name
 */
export function shortName(name) {
  return name.trim().split(/\s+/)[0] ?? "";
}

/**
 * An E.164 number as people here read it aloud; others as they are. The server's formats.phone says the same.
 * @param {string} number
 */
export function phoneText(number) {
  return number.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, "($1) $2-$3");
}
