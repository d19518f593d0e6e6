// One line of the queue: the cells of desk/queue_row.html filled from a snapshot.
import { fill, shortName } from "../lib/words.js";
import { find } from "./clock-view.js";

/**
 * @typedef {object} Waiting one line of a queue (server/desk/snapshot.py)
 * @property {string} visit
 * @property {string} name
 * @property {string} waits_since ISO 8601: when they came, or their slot; before it they are early
 * @property {string} reason
 * @property {string} language
 * @property {boolean} interpreter
 * @property {string | null} away_since
 * @property {number} version
 * @property {"yours" | "offered" | "other"} group
 * @property {string | null} slot the booked time, in words
 * @property {boolean} first
 * @property {string | null} first_reason
 * @property {string | null} hand_over
 * @property {string | null} not_answered whose patient this is
 * @property {string} intake
 * @property {{ side: "staff" | "patient", name: string | null, text: string, at: string }[]} messages
 * @property {boolean} asked staff were asked what to do about a long absence
 * @property {string | null} check good, fair or bad
 * @property {string | null} start_mode
 * @property {string | null} seen_by
 * @property {boolean} rings
 */

/** @type {Record<string, string>} */
const KINDS = { good: "good", fair: "soon", bad: "danger" };

/**
 * @param {HTMLElement} row
 * @param {Waiting} one
 * @param {HTMLElement} list the element with the texts
 */
export function fillRow(row, one, list) {
  const text = (/** @type {string} */ name) => list.getAttribute(`data-text-${name}`) ?? "";
  const show = (/** @type {string} */ name, /** @type {string} */ words) => {
    const cell = find(row, `[data-cell="${name}"]`);
    write(cell, words);
    cell.hidden = !words;
  };
  row.dataset.visitRow = one.visit;
  row.dataset.version = String(one.version);
  row.dataset.first = one.first ? "yes" : "no";
  const language = list.getAttribute(`data-language-${one.language}`) ?? one.language;
  write(find(row, '[data-cell="name"]'), one.name);
  write(find(row, '[data-cell="language"]'), one.interpreter ? `${language}, ${text("interpreter")}` : language);
  write(find(row, '[data-cell="reason"]'), one.reason);
  write(find(row, '[data-cell="more"]'), fill(text("more"), { name: one.name }));
  show("slot", one.slot ? fill(text("slot"), { time: one.slot }) : "");
  show("first", one.first ? fill(text("first"), { text: one.first_reason ?? "" }) : "");
  show("hand_over", one.hand_over ? fill(text("hand-over"), { text: one.hand_over }) : "");
  show("not_answered", one.not_answered ? fill(text("not-answered"), { name: one.not_answered }) : "");
  show("intake", one.intake);
  const last = one.messages.at(-1);
  show("message", last ? fill(text(`said-${last.side}`), { name: last.name ?? "", text: last.text }) : "");
  show("asked", one.asked ? text("asked") : "");
  show("seen", one.seen_by ? fill(text("seen"), { name: one.seen_by }) : "");
  const mode = one.start_mode && one.start_mode !== "video" ? list.getAttribute(`data-mode-${one.start_mode.replace("_", "-")}`) : "";
  show("check", one.check ? [list.getAttribute(`data-check-${one.check}`), mode].filter(Boolean).join(", ") : "");
  find(row, '[data-cell="check"]').className = `state state-${KINDS[one.check ?? ""] ?? "neutral"}`;
  find(row, '[data-cell="since"]').dataset.since = one.waits_since;
  const away = find(row, '[data-cell="away"]');
  away.dataset.since = one.away_since ?? "";
  away.hidden = !one.away_since;
  const form = /** @type {HTMLFormElement} */ (find(row, "form"));
  form.action = form.action.replace("VISIT", encodeURIComponent(one.visit));
  const acts = /** @type {HTMLAnchorElement} */ (find(row, "[data-acts]"));
  acts.href = acts.href.replace("VISIT", encodeURIComponent(one.visit));
  /** @type {HTMLInputElement} */ (find(form, '[name="version"]')).value = String(one.version);
  const button = find(form, "button");
  write(button, fill(button.dataset.textAdmit ?? "", { name: shortName(one.name) }));
}

/**
 * @param {HTMLElement} element
 * @param {string} words
 */
export function write(element, words) {
  if (element.textContent?.trim() !== words) element.textContent = words;
}
