// Renders the server's clock: the words, the ring, and the notices, each once. It decides nothing.
import { VisitClock } from "../lib/clock.js";
import { clockText, fill } from "../lib/words.js";

/** @typedef {import("../lib/clock.js").ClockMessage} ClockMessage */

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
    this.phase = "";
    /** The notice at the last look; undefined before the first: a page that comes late is not told again. @type {number | null | undefined} */
    this.due = undefined;
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
      this.due = undefined;
      if (message.phase === "running") {
        const time = clockText(this.clock.remaining().seconds);
        this.notice("given", fill(this.text(this.notices, "given"), { time }));
      }
    }
    this.render();
  }

  render() {
    const message = this.message;
    if (!message) return;
    const { phase, seconds, notice } = this.clock.remaining();
    if (phase !== this.phase) this.enter(phase, message);
    this.write(fill(this.text(this.box, phase), { time: clockText(seconds) }));
    this.box.dataset.seconds = phase === "running" || phase === "wrap_up" ? String(seconds) : "";
    this.box.dataset.near = phase === "running" && notice !== null ? "yes" : "no";
    const part = phase === "before" ? 1 : phase === "running" ? Math.min(1, seconds / message.length_s) : 0;
    this.ring?.setAttribute("stroke-dasharray", `${(100 * part).toFixed(1)} 100`);
    if (phase === "running" && notice !== null && this.due !== undefined && notice !== this.due) this.notice("soon", this.amount(notice));
    this.due = notice;
  }

  /**
   * @param {ClockMessage["phase"]} phase
   * @param {ClockMessage} message
   */
  enter(phase, message) {
    this.phase = phase;
    this.box.dataset.phase = phase;
    if (phase === "wrap_up" && message.wrap_ends_at) {
      const at = new Date(message.wrap_ends_at);
      const values = { hour: at.getHours(), minute: String(at.getMinutes()).padStart(2, "0") };
      this.notice("wrap", fill(this.text(this.notices, "wrap"), values), true);
    } else if (phase === "held") {
      this.notice("held", this.text(this.notices, "held"), true);
    } else if (this.notices.firstElementChild instanceof HTMLElement && this.notices.firstElementChild.dataset.stays) {
      this.notices.replaceChildren();
    }
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
