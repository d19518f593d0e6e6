// The wall's rows, kept by their key, so that a button keeps its focus while others come and go.
import { place, takeAway } from "../lib/rows.js";
import { fill, phoneText } from "../lib/words.js";
import { find } from "./clock-view.js";

/**
 * @typedef {object} Waiting
 * @property {string} visit
 * @property {string} name
 * @property {string} waits_since ISO 8601: when they came, or their slot; before it they are early
 * @property {string} wrote what the patient wrote last, unless staff wrote after it
 * @property {string | null} due_at
 * @property {string} language
 * @property {boolean} interpreter
 * @property {string | null} away_since
 * @property {boolean} asked
 * @property {boolean} first
 * @property {string | null} check
 * @property {number | null} place
 * @property {string} target a therapist's id, PT, OT or nothing
 * @property {string | null} for_name
 * @property {boolean} alert
 */
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
 * @property {string | null} quality
 */
/** @typedef {{ id: string, name: string, profession: string | null, languages: string[], duty: string, on_duty_since: string | null, busy_with: string | null }} Therapist */
/** @typedef {{ visit: string, name: string, due_at: string, for_name: string | null, check: string | null }} Coming */
/** @typedef {{ visit: string, name: string, phone: string, since: string }} Call */
/** @typedef {{ key: string, tone: string, text: string, visit: string | null }} Alarm */
/**
 * @typedef {object} WallData what a snapshot of kind "admin" holds
 * @property {Waiting[]} waiting
 * @property {number} waiting_count
 * @property {string | null} longest_since of the whole queue, also of who is not in the list
 * @property {Session[]} sessions
 * @property {Therapist[]} staff
 * @property {Coming[]} coming
 * @property {Call[]} calls
 * @property {Alarm[]} alarms
 * @property {string} server_now
 */

const CHECKS = /** @type {Record<string, string>} */ ({ good: "good", fair: "soon", bad: "danger" });
const QUALITIES = /** @type {Record<string, string>} */ ({ good: "good", weak: "soon", lost: "danger" });
const MEDIA = /** @type {Record<string, string>} */ ({ connected: "good", lost: "danger" });

export class WallRows {
  /** @param {HTMLElement} element #wall */
  constructor(element) {
    this.element = element;
    const { zone, lang } = element.dataset;
    this.time = new Intl.DateTimeFormat("en-CA", { timeZone: zone, hour: "numeric", minute: "2-digit", hourCycle: "h23" });
    this.french = (lang ?? "").startsWith("fr");
  }

  /** @param {WallData} data */
  update(data) {
    this.list("waiting", data.waiting, (one) => one.visit, (row, one) => this.waiting(row, one), data.waiting_count);
    const others = find(this.element, "[data-more]");
    others.hidden = data.waiting_count <= data.waiting.length;
    write(others, fill(this.words("text", "more"), { n: data.waiting_count - data.waiting.length }));
    find(this.element, "[data-longest]").dataset.since = data.longest_since ?? "";
    this.list("sessions", data.sessions, (one) => one.visit, (row, one) => this.session(row, one));
    this.list("staff", data.staff, (one) => one.id, (row, one) => this.therapist(row, one));
    this.list("coming", data.coming, (one) => one.visit, (row, one) => this.coming(row, one));
    this.list("calls", data.calls, (one) => one.visit, (row, one) => this.call(row, one));
    this.list("alarms", data.alarms, (one) => one.key, (row, one) => this.alarm(row, one));
    find(this.element, '[data-part="coming"]').hidden = data.coming.length === 0;
    find(this.element, '[data-part="calls"]').hidden = data.calls.length === 0;
  }

  /**
   * Rows by their key, in the order given; those that stay are not made anew, and not moved where they need not be.
   * @template T
   * @param {string} name
   * @param {T[]} items
   * @param {(item: T) => string} key
   * @param {(row: HTMLElement, item: T) => void} fillRow
   * @param {number} [count]
   */
  list(name, items, key, fillRow, count = items.length) {
    const list = find(this.element, `[data-list="${name}"]`);
    const template = this.element.querySelector(`template[data-template="${name}"]`);
    if (!(template instanceof HTMLTemplateElement)) return;
    const known = new Map([...list.children].map((row) => [row.getAttribute("data-row") ?? "", row]));
    const still = new Set(items.map(key));
    const gone = [...known].filter(([one]) => !still.has(one)).map(([, row]) => /** @type {HTMLElement} */ (row));
    takeAway(gone, "[data-act-open], a[href]", this.element.closest("main"));
    const rows = items.map((item) => {
      const row = known.get(key(item)) ?? /** @type {DocumentFragment} */ (template.content.cloneNode(true)).firstElementChild;
      if (!(row instanceof HTMLElement)) throw new Error(`the template of ${name} is empty`);
      row.dataset.row = key(item);
      fillRow(row, item);
      return row;
    });
    place(list, rows);
    const number = this.element.querySelector(`[data-count="${name}"]`);
    if (number instanceof HTMLElement) write(number, String(count));
    const empty = this.element.querySelector(`[data-empty="${name}"]`);
    if (empty instanceof HTMLElement) empty.hidden = items.length > 0;
  }

  /**
   * @param {HTMLElement} row
   * @param {Waiting} one
   */
  waiting(row, one) {
    const language = this.words("language", one.language);
    this.who(row, one.visit, one.name);
    cell(row, "first").hidden = !one.first;
    write(cell(row, "place"), one.place ? fill(this.words("text", "place"), { n: one.place }) : "");
    write(cell(row, "target"), one.for_name ? fill(this.words("text", "for"), { name: one.for_name }) : one.target ? this.words("anyone", one.target) : "");
    write(cell(row, "due"), one.due_at ? fill(this.words("text", "due"), { time: this.clock(one.due_at) }) : "");
    write(cell(row, "language"), one.interpreter ? `${language}, ${this.words("text", "interpreter")}` : language);
    this.state(cell(row, "check"), CHECKS[one.check ?? ""], this.words("check", one.check ?? "none"));
    cell(row, "since").dataset.since = one.waits_since;
    const wrote = cell(row, "wrote");
    wrote.hidden = !one.wrote;
    write(wrote, one.wrote ? fill(this.words("text", "wrote"), { text: one.wrote }) : "");
    cell(row, "written").hidden = !one.wrote;
    const away = cell(row, "away");
    away.dataset.since = one.away_since ?? "";
    away.hidden = !one.away_since;
    cell(row, "alert").hidden = !one.alert;
  }

  /**
   * @param {HTMLElement} row
   * @param {Session} one
   */
  session(row, one) {
    this.who(row, one.visit, one.patient);
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
    const words = this.words("media", one.media);
    this.state(media, MEDIA[one.media], one.path && one.media !== "phone" ? `${words}, ${this.words("path", one.path)}` : words);
    const quality = cell(row, "quality");
    quality.hidden = !one.quality || one.media !== "connected";
    quality.dataset.quality = one.quality ?? "";
    this.state(quality, QUALITIES[one.quality ?? ""], one.quality ? this.words("quality", one.quality) : "");
  }

  /**
   * @param {HTMLElement} row
   * @param {Therapist} one
   */
  therapist(row, one) {
    row.dataset.duty = one.busy_with ? "busy" : one.duty;
    write(cell(row, "name"), one.name);
    write(cell(row, "profession"), one.profession ? this.words("profession", one.profession) : "");
    write(cell(row, "languages"), one.languages.join(", ").toUpperCase());
    write(cell(row, "busy"), one.busy_with ? fill(this.words("text", "busy"), { name: one.busy_with }) : this.words("duty", one.duty));
    const duty = cell(row, "duty");
    duty.dataset.since = one.on_duty_since ?? "";
    if (!one.on_duty_since) write(duty, "");
  }

  /**
   * @param {HTMLElement} row
   * @param {Coming} one
   */
  coming(row, one) {
    this.who(row, one.visit, one.name);
    const due = cell(row, "due");
    due.setAttribute("datetime", one.due_at);
    write(due, this.clock(one.due_at));
    write(cell(row, "target"), one.for_name ? fill(this.words("text", "for"), { name: one.for_name }) : "");
    write(cell(row, "check"), one.check ? this.words("check", one.check) : "");
  }

  /**
   * @param {HTMLElement} row
   * @param {Call} one
   */
  call(row, one) {
    this.who(row, one.visit, one.name);
    write(cell(row, "who"), one.name);
    cell(row, "since").dataset.since = one.since;
    const phone = cell(row, "phone");
    phone.setAttribute("href", `tel:${one.phone}`);
    write(phone, phoneText(one.phone));
    const form = /** @type {HTMLFormElement} */ (find(row, "form"));
    form.setAttribute("action", (form.getAttribute("action") ?? "").replace("VISIT", encodeURIComponent(one.visit)));
  }

  /**
   * @param {HTMLElement} row
   * @param {Alarm} one
   */
  alarm(row, one) {
    row.dataset.tone = one.tone;
    const link = cell(row, "link");
    const words = cell(row, "words");
    link.hidden = !one.visit;
    words.hidden = !!one.visit;
    if (one.visit) this.lead(link, one.visit);
    write(one.visit ? link : words, one.text);
    write(one.visit ? words : link, "");
  }

  /**
   * The name, which leads to the visit, and what the button to act says.
   * @param {HTMLElement} row
   * @param {string} visit
   * @param {string} name
   */
  who(row, visit, name) {
    const link = cell(row, "name");
    this.lead(link, visit);
    write(link, name);
    const act = row.querySelector('[data-cell="act"]');
    if (act instanceof HTMLElement) write(act, fill(this.words("text", "act"), { name }));
    const button = row.querySelector("[data-act-open]");
    if (button instanceof HTMLElement) button.hidden = false;
  }

  /**
   * @param {HTMLElement} link
   * @param {string} visit
   */
  lead(link, visit) {
    link.setAttribute("href", (link.getAttribute("href") ?? "").replace(/[^/]+$/, encodeURIComponent(visit)));
  }

  /**
   * @param {HTMLElement} element
   * @param {string | undefined} kind
   * @param {string} words
   */
  state(element, kind, words) {
    element.className = `state state-${kind ?? "neutral"}`;
    write(element, words);
  }

  /**
   * As the server writes a time (formats.time), in the clinic's zone.
   * @param {string} iso
   */
  clock(iso) {
    const parts = Object.fromEntries(this.time.formatToParts(new Date(iso)).map((part) => [part.type, part.value]));
    const hour = String(Number(parts.hour));
    return this.french ? `${hour}\u00a0h\u00a0${parts.minute}` : `${hour}:${parts.minute}`;
  }

  /**
   * @param {string} kind
   * @param {string} name
   */
  words(kind, name) {
    return this.element.getAttribute(`data-${kind}-${name}`) ?? name;
  }
}

/**
 * @param {HTMLElement} row
 * @param {string} name
 */
export function cell(row, name) {
  return find(row, `[data-cell="${name}"]`);
}

/**
 * @param {HTMLElement} element
 * @param {string} words
 */
export function write(element, words) {
  if (element.textContent?.trim() !== words) element.textContent = words;
}
