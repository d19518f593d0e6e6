// Renders the server's clock: the words, the ring, and the notices, each once. It decides nothing.
import { VisitClock } from "../lib/clock.js";
import { clockText, fill, noticeBetween } from "../lib/words.js";

/**
 * The server's "clock" message.
 * @typedef {object} ClockMessage
 * @property {"before" | "running" | "wrap_up" | "held" | "ended"} phase
 * @property {string} server_now
 * @property {string | null} started_at
 * @property {string | null} ends_at
 * @property {string | null} wrap_ends_at
 * @property {number} length_s
 * @property {number[]} notices seconds before the end
 * @property {boolean} held
 * @property {number} lost_s
 * @property {boolean} give_back
 */

/** Long enough to be read twice by a slow reader, short enough not to stand before a face. */
const NOTICE_MS = 15_000;

export class ClockView {
  /** @param {HTMLElement} call the element with [data-call] */
  constructor(call) {
    this.box = find(call, "[data-clock]");
    this.words = find(call, "[data-clock-words]");
    this.notices = find(call, "[data-notices]");
    this.ring = call.querySelector("[data-ring]");
    this.clock = new VisitClock();
    /** @type {ClockMessage | null} */
    this.message = null;
    /** Seconds left at the last look. @type {number | null} */
    this.before = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.fading = undefined;
    this.shown = "";
    setInterval(() => this.render(), 250);
  }

  /** @param {ClockMessage} message */
  update(message) {
    const earlier = this.message;
    this.message = message;
    this.clock.update(message);
    if (earlier?.ends_at && message.ends_at && Date.parse(message.ends_at) > Date.parse(earlier.ends_at)) {
      this.before = null;
      if (message.phase === "running") {
        this.notice("given", fill(this.text(this.notices, "given"), { time: clockText(this.secondsLeft()) }));
      }
    }
    if (message.phase !== earlier?.phase) this.phase(message);
    this.render();
  }

  /** @param {ClockMessage} message */
  phase(message) {
    this.box.dataset.phase = message.phase;
    this.before = null;
    if (message.phase === "wrap_up" && message.wrap_ends_at) {
      const at = new Date(message.wrap_ends_at);
      const values = { hour: at.getHours(), minute: String(at.getMinutes()).padStart(2, "0") };
      this.notice("wrap", fill(this.text(this.notices, "wrap"), values), true);
    } else if (message.phase === "held") {
      this.notice("held", this.text(this.notices, "held"), true);
    } else if (this.notices.firstElementChild instanceof HTMLElement && this.notices.firstElementChild.dataset.stays) {
      this.notices.replaceChildren();
    }
  }

  secondsLeft() {
    const message = this.message;
    if (!message) return 0;
    return this.clock.remaining(Date.now()) / 1000;
  }

  render() {
    const message = this.message;
    if (!message) return;
    const seconds = this.secondsLeft();
    this.write(fill(this.text(this.box, message.phase), { time: clockText(seconds) }));
    const counts = message.phase === "running" || message.phase === "wrap_up";
    this.box.dataset.seconds = counts ? String(Math.max(0, Math.round(seconds))) : "";
    if (message.phase !== "running") {
      this.box.dataset.near = "no";
      return;
    }
    this.box.dataset.near = seconds <= Math.max(...message.notices, 0) ? "yes" : "no";
    this.ring?.setAttribute("stroke-dasharray", `${(100 * Math.min(1, Math.max(0, seconds / message.length_s))).toFixed(1)} 100`);
    const due = noticeBetween(this.before, seconds, message.notices);
    this.before = seconds;
    if (due !== null) this.notice("soon", this.amount(due));
  }

  /** @param {number} seconds */
  amount(seconds) {
    const minutes = Math.round(seconds / 60);
    if (seconds < 60) return fill(this.text(this.notices, "seconds"), { n: seconds });
    return minutes === 1 ? this.text(this.notices, "minute") : fill(this.text(this.notices, "minutes"), { n: minutes });
  }

  /**
   * Shows words over the picture and says them to a screen reader; never each second.
   * @param {string} kind
   * @param {string} words
   * @param {boolean} [stays]
   */
  notice(kind, words, stays = false) {
    clearTimeout(this.fading);
    const line = document.createElement("p");
    line.dataset.kind = kind;
    if (stays) line.dataset.stays = "yes";
    line.textContent = words;
    this.notices.replaceChildren(line);
    if (!stays) this.fading = setTimeout(() => line.remove(), NOTICE_MS);
  }

  /** @param {string} words */
  write(words) {
    if (words === this.shown) return;
    this.shown = words;
    this.words.textContent = words;
  }

  /**
   * @param {HTMLElement} element
   * @param {string} name
   */
  text(element, name) {
    return element.getAttribute(`data-text-${name}`) ?? "";
  }
}

/**
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function find(root, selector) {
  const element = root.querySelector(selector);
  if (!(element instanceof HTMLElement)) throw new Error(`the page has no ${selector}`);
  return element;
}
