// The connection's step of the check. It begins by itself when its view is shown, can be repeated, and stops when the call
// begins: the line belongs to the call then. Whatever becomes of it, one can go in.
import { settings } from "../lib/call-settings.js";
import { ConnectionCheck } from "../lib/connection-check.js";
import { socketUrl } from "../lib/page.js";
import { fill } from "../lib/words.js";
import { find } from "./clock-view.js";

/** @typedef {import("../lib/connection-check.js").Found} Found */
/** @typedef {import("../lib/connection-check.js").Outcome} Outcome */

/** How long it takes when nothing is slow. */
const USUAL_MS = 5000;
/** What one place in the line costs, when several are checked at once. */
const PLACE_S = 1;
/** @type {Record<string, string>} */
const KINDS = { good: "good", fair: "soon", bad: "danger" };
/** The page is in a call, or left: nothing is checked there. */
const ELSEWHERE = ["call", "out", "superseded", "over"];

export default class ConnectionStep {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.words = find(element, "[data-connection-words]");
    this.again = find(element, '[data-action="check-again"]');
    this.progress = /** @type {HTMLProgressElement} */ (find(element, "[data-progress]"));
    this.again.addEventListener("click", () => this.start());
    /** @type {ConnectionCheck | null} */
    this.check = null;
    this.begun = 0;
    this.wanted = true;
    this.page = element.closest("#visit") ?? document.body;
    const watch = new MutationObserver(() => this.look());
    watch.observe(this.page, { attributes: true, attributeFilter: ["data-view", "hidden"], subtree: true });
    document.addEventListener("visibilitychange", () => this.look());
    addEventListener("pagehide", () => this.check?.stop());
    this.look();
  }

  /** Begins, or stops, as the page is now. A page in the background has slow timers: it would measure those. */
  look() {
    const view = this.page instanceof HTMLElement ? (this.page.dataset.view ?? "") : "";
    if (ELSEWHERE.includes(view)) {
      this.wanted = false;
      this.check?.stop();
    } else if (document.hidden) {
      this.check?.stop();
    } else if (this.wanted && !this.check && !this.element.closest("[hidden]")) {
      this.start();
    }
  }

  start() {
    if (this.check) return;
    void this.run().catch((error) => {
      console.error("connection check", error);
      this.said({ reason: "failed" });
    });
  }

  async run() {
    this.wanted = true;
    const check = (this.check = new ConnectionCheck(socketUrl(this.element.dataset.checkSocket ?? "")));
    check.addEventListener("queued", (event) => this.queued(/** @type {CustomEvent<{ ahead: number }>} */ (event).detail.ahead));
    check.addEventListener("begun", () => this.measuring());
    this.again.setAttribute("aria-disabled", "true"); // not hidden: the focus may be on it
    find(this.element, "[data-numbers]").hidden = true;
    this.words.replaceChildren();
    this.show("begun");
    this.progress.hidden = false;
    this.progress.value = 0;
    const outcome = await check.run();
    clearInterval(this.timer);
    this.progress.hidden = true;
    this.check = null;
    this.again.removeAttribute("aria-disabled");
    if ("reason" in outcome && outcome.reason === "stopped") {
      this.show("idle");
      this.again.hidden = false;
      return; // it begins anew when the page is shown again
    }
    this.wanted = false;
    this.said(outcome);
  }

  /** @param {number} ahead checks before this one */
  queued(ahead) {
    this.show("queued");
    const seconds = Math.max(5, Math.ceil((ahead * PLACE_S) / 5) * 5);
    const text = fill(this.words.dataset.textQueued ?? "", { seconds });
    if (this.words.textContent !== text) this.words.textContent = text;
  }

  measuring() {
    this.show("begun");
    this.words.replaceChildren();
    this.begun = performance.now();
    clearInterval(this.timer);
    this.timer = setInterval(() => {
      this.progress.value = Math.min(97, ((performance.now() - this.begun) / USUAL_MS) * 100);
    }, 200);
  }

  /** @param {Outcome} outcome */
  said(outcome) {
    this.again.hidden = false;
    if ("reason" in outcome) {
      this.show("none");
      this.element.dataset.reason = outcome.reason;
      this.words.replaceChildren(this.template(`[data-finding="${outcome.reason}"]`) ?? this.template('[data-finding="not-measured"]') ?? "");
      return;
    }
    const { found } = outcome;
    settings.set({ gentle: found.start_mode !== "video" });
    this.show(found.verdict);
    this.element.dataset.trouble = found.trouble ?? "";
    this.element.dataset.mode = found.start_mode;
    const parts = [this.template(`[data-finding="${found.trouble ?? "good"}"]`)];
    if (found.trouble !== "nothing_works") parts.push(this.template(`[data-mode="${found.start_mode}"]`));
    this.words.replaceChildren(...parts.filter((part) => part !== null));
    this.numbers(found);
  }

  /** @param {Found} found */
  numbers(found) {
    const box = find(this.element, "[data-numbers]");
    for (const place of box.querySelectorAll("[data-number]")) {
      if (!(place instanceof HTMLElement)) continue;
      const number = found[/** @type {"rtt_ms"} */ (place.dataset.number)];
      place.textContent = number === null ? "–" : fill(place.dataset.text ?? "", { n: number });
    }
    for (const way of /** @type {const} */ (["udp", "tcp"])) {
      const place = find(box, `[data-way="${way}"]`);
      place.textContent = place.getAttribute(`data-text-${found[way] === null ? "none" : found[way] ? "yes" : "no"}`);
    }
    box.hidden = false;
  }

  /** @param {string} which */
  template(which) {
    const found = this.element.querySelector(`template${which}`);
    return found instanceof HTMLTemplateElement ? found.content.cloneNode(true) : null;
  }

  /** @param {string} state */
  show(state) {
    if (this.element.dataset.state === state) return;
    this.element.dataset.state = state;
    const words = find(this.element, "[data-connection-state]");
    words.textContent = words.getAttribute(`data-text-${state}`);
    words.className = `state state-${KINDS[state] ?? "neutral"}`;
  }
}
