// The admin's wall: lists and alarms from one snapshot, and the dialog to act from. The server decides everything.
import { newInstance, socketUrl } from "../lib/page.js";
import { PageSocket } from "../lib/page-socket.js";
import { clockText, fill, minutesSince } from "../lib/words.js";
import { find } from "./clock-view.js";
import { keepAwake, sent } from "./live-page.js";
import { WallActs } from "./wall-acts.js";
import { WallRows, write } from "./wall-rows.js";

/** @typedef {import("./wall-rows.js").WallData} WallData */

/** Minutes after which a wait is shown as long. The words and the number stand beside the colour. */
const SOON_MIN = 5;
const LONG_MIN = 15;
/** Nobody who has just come is early: the two clocks may differ by a moment. */
const EARLY_MS = 2000;

export default class Wall {
  /** @param {HTMLElement} element #wall */
  constructor(element) {
    this.element = element;
    this.version = -1;
    /** Server's clock minus this one's, ms. */
    this.offset = 0;
    this.rows = new WallRows(element);
    this.acts = new WallActs(element);
    this.setOffset(element.dataset.serverNow);
    const socket = new PageSocket({ url: socketUrl(element.dataset.live ?? ""), instance: newInstance() });
    socket.addEventListener("message", (event) => this.heard(/** @type {CustomEvent} */ (event).detail));
    socket.addEventListener("state", (event) => this.socketChanged(/** @type {CustomEvent<string>} */ (event).detail));
    keepAwake(socket);
    element.addEventListener("submit", (event) => void this.quick(event));
    setInterval(() => this.renderTimes(), 1000);
    this.renderTimes();
    if (document.documentElement.classList.contains("big")) void stayAwake();
    socket.open();
  }

  /** @param {{ type: string, kind?: string, version?: number, data?: WallData, server_now?: string }} message */
  heard(message) {
    if (message.type === "welcome") {
      this.version = -1; // another connection, perhaps to a service that was restarted: it counts anew
      this.setOffset(message.server_now);
    }
    if (message.type !== "snapshot" || message.kind !== "admin" || !message.data) return;
    if ((message.version ?? 0) < this.version) return;
    this.version = message.version ?? 0;
    this.setOffset(message.data.server_now);
    this.rows.update(message.data);
    this.acts.update(message.data);
    find(this.element, "[data-calm]").hidden = message.data.alarms.length > 0;
    this.renderTimes();
  }

  renderTimes() {
    const now = Date.now() + this.offset;
    for (const element of this.element.querySelectorAll("[data-list] [data-since]")) {
      if (!(element instanceof HTMLElement) || !element.dataset.since) continue;
      const n = minutesSince(element.dataset.since, now);
      const kind = { away: "away", duty: "duty" }[element.dataset.cell ?? ""];
      const early = !kind && Date.parse(element.dataset.since) > now + EARLY_MS;
      write(element, early ? this.words("text", "early") : fill(this.words("text", n === 0 ? (kind ? `${kind}-now` : "now") : (kind ?? "minutes")), { n }));
      const row = element.closest('[data-list="waiting"] > li');
      if (element.dataset.cell !== "since" || !(row instanceof HTMLElement)) continue;
      row.dataset.level = n >= LONG_MIN ? "long" : n >= SOON_MIN ? "soon" : "";
      write(find(row, '[data-cell="level"]'), row.dataset.level ? this.words("level", row.dataset.level) : "");
    }
    const line = find(this.element, "[data-longest]");
    const longest = line.dataset.since ? minutesSince(line.dataset.since, now) : 0;
    line.hidden = longest === 0;
    write(line, longest ? fill(this.words("text", "longest"), { n: longest }) : "");
    for (const clock of this.element.querySelectorAll('[data-cell="clock"]')) {
      if (clock instanceof HTMLElement) this.renderClock(clock, now);
    }
  }

  /**
   * @param {HTMLElement} clock
   * @param {number} now the server's time, ms
   */
  renderClock(clock, now) {
    const { ends, wrapEnds } = clock.dataset;
    let phase = clock.dataset.phase ?? "before";
    if (phase === "running" && ends && now >= Date.parse(ends)) phase = "wrap_up";
    const until = phase === "wrap_up" ? wrapEnds : phase === "running" ? ends : "";
    const seconds = until ? Math.max(0, (Date.parse(until) - now) / 1000) : 0;
    clock.dataset.seconds = until ? String(Math.ceil(seconds)) : "";
    write(clock, until ? clockText(seconds) : "");
    const row = clock.closest("li");
    const words = row?.querySelector('[data-cell="phase"]');
    if (words instanceof HTMLElement) write(words, this.words("phase", phase));
    if (row) row.dataset.level = phase === "wrap_up" || phase === "held" ? "soon" : "";
  }

  /**
   * A form of a row that asks for nothing more: sent without a new page.
   * @param {SubmitEvent} event
   */
  async quick(event) {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.matches("[data-quick]")) return;
    event.preventDefault();
    const button = form.querySelector("button");
    if (button?.disabled) return;
    if (button) button.disabled = true;
    const line = find(this.element, "[data-quick-error]");
    line.hidden = true;
    const answer = await sent(form.action, new URLSearchParams(/** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form)))));
    if (answer === "refused") form.submit(); // the server's own page says what is wrong
    if (answer !== "lost") return;
    if (button) button.disabled = false;
    line.hidden = false;
    line.textContent = line.dataset.textFailed ?? "";
  }

  /**
   * @param {string} kind
   * @param {string} name
   */
  words(kind, name) {
    return this.element.getAttribute(`data-${kind}-${name}`) ?? name;
  }

  /** @param {string} state */
  socketChanged(state) {
    this.element.dataset.socket = state;
    const line = find(this.element, "[data-connection]");
    const words = state === "lost" ? line.dataset.textLost : state === "superseded" ? line.dataset.textSuperseded : "";
    line.hidden = !words;
    line.textContent = words ?? "";
    if (state === "refused") location.reload(); // signed out: the server's page asks
  }

  /** @param {string | undefined} serverNow */
  setOffset(serverNow) {
    if (serverNow) this.offset = Date.parse(serverNow) - Date.now();
  }
}

/** A screen that hangs on a wall does not go dark. */
async function stayAwake() {
  const hold = async () => {
    try {
      if (!document.hidden) await navigator.wakeLock?.request("screen");
    } catch {
      // refused (low battery, a policy): the wall works all the same
    }
  };
  document.addEventListener("visibilitychange", () => void hold());
  await hold();
}
