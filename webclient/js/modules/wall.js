// The admin's wall: three lists and the alarms, from one snapshot. It only shows.
import { newInstance, socketUrl } from "../lib/page.js";
import { PageSocket } from "../lib/page-socket.js";
import { clockText, fill, minutesSince } from "../lib/words.js";
import { find } from "./clock-view.js";
import { keepAwake } from "./live-page.js";
import { write } from "./queue-view.js";

/**
 * @typedef {object} Session
 * @property {string} visit
 * @property {string} patient
 * @property {string | null} therapist
 * @property {string} phase
 * @property {string | null} started_at
 * @property {string | null} ends_at
 * @property {string | null} wrap_ends_at
 * @property {string | null} path
 * @property {string} media
 * @property {string | null} [quality]
 * @property {string} [server_now]
 */
/** @typedef {{ name: string, profession: string | null, on_duty_since: string | null, busy_with: string | null }} OnDuty */
/**
 * @typedef {object} WallData what a snapshot of kind "admin" holds
 * @property {import("./queue-view.js").Waiting[]} waiting
 * @property {Session[]} sessions
 * @property {OnDuty[]} staff
 * @property {string[]} alarms
 * @property {string} [server_now]
 */

/** Minutes after which a wait is shown as long. The words and the number stand beside the colour. */
const SOON_MIN = 5;
const LONG_MIN = 15;

export default class Wall {
  /** @param {HTMLElement} element #wall */
  constructor(element) {
    this.element = element;
    this.version = -1;
    /** Server's clock minus this one's, ms. */
    this.offset = 0;
    this.setOffset(element.dataset.serverNow);
    const socket = new PageSocket({ url: socketUrl(element.dataset.live ?? ""), instance: newInstance() });
    socket.addEventListener("message", (event) => this.heard(/** @type {CustomEvent} */ (event).detail));
    socket.addEventListener("state", (event) => this.socketChanged(/** @type {CustomEvent<string>} */ (event).detail));
    keepAwake(socket);
    setInterval(() => this.renderTimes(), 1000);
    this.renderTimes();
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
    const { waiting, sessions, staff, alarms, server_now } = message.data;
    this.setOffset(server_now ?? sessions[0]?.server_now);
    this.list("waiting", waiting, (one) => one.visit, (row, one) => this.fillWaiting(row, one));
    this.list("sessions", sessions, (one) => one.visit, (row, one) => this.fillSession(row, one));
    this.list("staff", staff, (one) => one.name, (row, one) => this.fillStaff(row, one));
    this.list("alarms", alarms, (words) => words, (row, words) => write(find(row, "[data-cell], span"), words));
    find(this.element, "[data-calm]").hidden = alarms.length > 0;
    this.renderTimes();
  }

  /**
   * Rows by their key, in the order given; those that stay are not made anew.
   * @template T
   * @param {string} name
   * @param {T[]} items
   * @param {(item: T) => string} key
   * @param {(row: HTMLElement, item: T) => void} fillRow
   */
  list(name, items, key, fillRow) {
    const list = find(this.element, `[data-list="${name}"]`);
    const template = this.element.querySelector(`template[data-template="${name}"]`);
    if (!(template instanceof HTMLTemplateElement)) return;
    const known = new Map([...list.children].map((row) => [row.getAttribute("data-row"), row]));
    const rows = items.map((item) => {
      const row = known.get(key(item)) ?? /** @type {DocumentFragment} */ (template.content.cloneNode(true)).firstElementChild;
      if (!(row instanceof HTMLElement)) throw new Error(`the template of ${name} is empty`);
      row.dataset.row = key(item);
      fillRow(row, item);
      return row;
    });
    if (rows.length !== list.children.length || rows.some((row, index) => list.children[index] !== row)) list.replaceChildren(...rows);
    const count = this.element.querySelector(`[data-count="${name}"]`);
    if (count instanceof HTMLElement) write(count, String(items.length));
    const empty = this.element.querySelector(`[data-empty="${name}"]`);
    if (empty instanceof HTMLElement) empty.hidden = items.length > 0;
  }

  /**
   * @param {HTMLElement} row
   * @param {import("./queue-view.js").Waiting} one
   */
  fillWaiting(row, one) {
    const language = this.words("language", one.language);
    write(cell(row, "name"), one.name);
    write(cell(row, "language"), one.interpreter ? `${language}, ${this.words("text", "interpreter")}` : language);
    cell(row, "since").dataset.since = one.since;
    cell(row, "away").dataset.since = one.away_since ?? "";
    cell(row, "away").hidden = !one.away_since;
  }

  /**
   * @param {HTMLElement} row
   * @param {Session} one
   */
  fillSession(row, one) {
    write(cell(row, "patient"), one.patient);
    write(cell(row, "therapist"), one.therapist ?? "");
    Object.assign(cell(row, "clock").dataset, {
      phase: one.phase,
      started: one.started_at ?? "",
      ends: one.ends_at ?? "",
      wrapEnds: one.wrap_ends_at ?? "",
    });
    const media = cell(row, "media");
    media.dataset.media = one.media;
    media.dataset.path = one.path ?? "";
    media.className = `state state-${one.media === "connected" ? "good" : one.media === "lost" ? "danger" : "neutral"}`;
    const words = this.words("media", one.media);
    write(media, one.path && one.media !== "phone" ? `${words}, ${this.words("path", one.path)}` : words);
    const quality = cell(row, "quality");
    quality.hidden = !one.quality || one.media !== "connected";
    quality.dataset.quality = one.quality ?? "";
    quality.className = `state state-${{ good: "good", weak: "soon", lost: "danger" }[one.quality ?? ""] ?? "neutral"}`;
    write(quality, one.quality ? this.words("quality", one.quality) : "");
  }

  /**
   * @param {HTMLElement} row
   * @param {OnDuty} one
   */
  fillStaff(row, one) {
    write(cell(row, "name"), one.name);
    write(cell(row, "profession"), one.profession ? this.words("profession", one.profession) : "");
    write(cell(row, "busy"), one.busy_with ? fill(this.words("text", "busy"), { name: one.busy_with }) : this.words("text", "free"));
    cell(row, "duty").dataset.since = one.on_duty_since ?? "";
  }

  renderTimes() {
    const now = Date.now() + this.offset;
    for (const element of this.element.querySelectorAll("[data-list] [data-since]")) {
      if (!(element instanceof HTMLElement) || !element.dataset.since) continue;
      const n = minutesSince(element.dataset.since, now);
      const kind = { away: "away", duty: "duty" }[element.dataset.cell ?? ""];
      write(element, fill(this.words("text", n === 0 ? (kind ? `${kind}-now` : "now") : (kind ?? "minutes")), { n }));
      if (element.dataset.cell !== "since") continue;
      const row = element.closest("li");
      if (row) row.dataset.level = n >= LONG_MIN ? "long" : n >= SOON_MIN ? "soon" : "";
    }
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
    const words = clock.closest("li")?.querySelector('[data-cell="phase"]');
    if (words instanceof HTMLElement) write(words, this.words("phase", phase));
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

/**
 * @param {HTMLElement} row
 * @param {string} name
 */
function cell(row, name) {
  return find(row, `[data-cell="${name}"]`);
}
