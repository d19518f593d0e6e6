// The list of who waits. Rows are kept by visit, so that a button keeps its focus while others come and go.
import { fill, minutesSince, shortName } from "../lib/words.js";
import { find } from "./clock-view.js";

/**
 * @typedef {object} Waiting one line of a queue
 * @property {string} visit
 * @property {string} name
 * @property {string} since ISO 8601
 * @property {string} reason
 * @property {string} language
 * @property {boolean} interpreter
 * @property {string | null} away_since
 * @property {number} version
 */

export class QueueView {
  /** @param {HTMLElement} element the one with [data-queue] */
  constructor(element) {
    this.element = element;
    this.rows = find(element, "[data-rows]");
    const template = element.querySelector("template[data-row-template]");
    if (!(template instanceof HTMLTemplateElement)) throw new Error("no template for a row");
    this.template = template;
    /** Server's clock minus this one's, ms. */
    this.offset = 0;
    setInterval(() => this.renderTimes(), 10_000);
    this.renderTimes();
  }

  /**
   * @param {Waiting[]} waiting in the queue's order
   * @returns {Waiting[]} who is new
   */
  update(waiting) {
    const known = new Map([...this.rows.children].map((row) => [row.getAttribute("data-visit-row") ?? "", /** @type {HTMLElement} */ (row)]));
    /** @type {Waiting[]} */
    const fresh = [];
    waiting.forEach((one, index) => {
      let row = known.get(one.visit);
      known.delete(one.visit);
      if (!row) {
        row = this.newRow();
        fresh.push(one);
      }
      this.fill(row, one);
      // moving a node loses its focus: only where the order has changed
      if (this.rows.children[index] !== row) this.rows.insertBefore(row, this.rows.children[index] ?? null);
    });
    for (const row of known.values()) row.remove();
    this.renderCount(waiting.length);
    this.renderTimes();
    find(this.element, "[data-empty]").hidden = waiting.length > 0;
    if (fresh.length > 0) {
      find(this.element, "[data-queue-news]").textContent = fresh.map((one) => fill(this.text("arrived"), { name: one.name })).join(". ");
    }
    return fresh;
  }

  newRow() {
    const row = /** @type {DocumentFragment} */ (this.template.content.cloneNode(true)).firstElementChild;
    if (!(row instanceof HTMLElement)) throw new Error("the template for a row is empty");
    return row;
  }

  /**
   * @param {HTMLElement} row
   * @param {Waiting} one
   */
  fill(row, one) {
    row.dataset.visitRow = one.visit;
    row.dataset.version = String(one.version);
    const language = this.element.getAttribute(`data-language-${one.language}`) ?? one.language;
    write(find(row, '[data-cell="name"]'), one.name);
    write(find(row, '[data-cell="language"]'), one.interpreter ? `${language}, ${this.text("interpreter")}` : language);
    write(find(row, '[data-cell="reason"]'), one.reason);
    find(row, '[data-cell="since"]').dataset.since = one.since;
    const away = find(row, '[data-cell="away"]');
    away.dataset.since = one.away_since ?? "";
    away.hidden = !one.away_since;
    const form = /** @type {HTMLFormElement} */ (find(row, "form"));
    form.action = form.action.replace("VISIT", encodeURIComponent(one.visit));
    /** @type {HTMLInputElement} */ (find(form, '[name="version"]')).value = String(one.version);
    const button = find(form, "button");
    write(button, fill(button.dataset.textAdmit ?? "", { name: shortName(one.name) }));
  }

  /**
   * The name in a waiting person's row.
   * @param {string} visit
   */
  name(visit) {
    return this.rows.querySelector(`[data-visit-row="${CSS.escape(visit)}"] [data-cell="name"]`)?.textContent?.trim() ?? "";
  }

  /** @param {number} count */
  renderCount(count) {
    const words = find(this.element, "[data-count]");
    const kind = count === 0 ? "none" : count === 1 ? "one" : "many";
    write(words, fill(words.getAttribute(`data-text-${kind}`) ?? "", { n: count }));
    const title = document.title.replace(/^\(\d+\) /, "");
    document.title = count > 0 ? `(${count}) ${title}` : title;
  }

  renderTimes() {
    const now = Date.now() + this.offset;
    let longest = 0;
    for (const cell of this.element.querySelectorAll("[data-rows] [data-since]")) {
      if (!(cell instanceof HTMLElement) || !cell.dataset.since) continue;
      const minutes = minutesSince(cell.dataset.since, now);
      const kind = cell.dataset.cell === "away" ? "away" : "here";
      if (kind === "here") longest = Math.max(longest, minutes);
      write(cell, minutes === 0 ? this.text(`${kind}-now`) : fill(this.text(kind), { n: minutes }));
    }
    const words = find(this.element, "[data-longest]");
    write(words, longest > 0 ? fill(words.dataset.textLongest ?? "", { n: longest }) : "");
  }

  /** @param {string} name */
  text(name) {
    return this.element.getAttribute(`data-text-${name}`) ?? "";
  }
}

/**
 * @param {HTMLElement} element
 * @param {string} words
 */
export function write(element, words) {
  if (element.textContent?.trim() !== words) element.textContent = words;
}
