// The list of who waits, in its groups. Rows are kept by visit, so that a button keeps its focus while others come and go.
import { place, takeAway } from "../lib/rows.js";
import { fill, minutesSince, shortName } from "../lib/words.js";
import { find } from "./clock-view.js";
import { fillRow, write } from "./queue-row.js";

export { write };

/** @typedef {import("./queue-row.js").Waiting} Waiting */
/** @typedef {{ visit: string, name: string, passed: string[] }} Next whom "Admit next" admits, and who is passed over */

/** Nobody who has just come is early: the two clocks may differ by a moment. */
const EARLY_MS = 2000;

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
    /** What each patient wrote last; the first snapshot announces nothing. @type {Map<string, string> | null} */
    this.wrote = null;
    setInterval(() => this.renderTimes(), 10_000);
    this.renderTimes();
  }

  /**
   * @param {Waiting[]} waiting in the queue's order
   * @param {number} more how many wait besides
   * @param {Next | null} next
   * @returns {Waiting[]} who is new
   */
  update(waiting, more = 0, next = null) {
    const known = new Map([...this.rows.querySelectorAll("[data-visit-row]")].map((row) => [row.getAttribute("data-visit-row") ?? "", /** @type {HTMLElement} */ (row)]));
    /** @type {Waiting[]} */
    const fresh = [];
    const still = new Set(waiting.map((one) => one.visit));
    takeAway([...known].filter(([visit]) => !still.has(visit)).map(([, row]) => row), "[data-acts]", find(this.element, "h1"));
    for (const group of this.rows.querySelectorAll("[data-group]")) {
      const list = find(/** @type {HTMLElement} */ (group), "ol");
      const here = waiting.filter((one) => one.group === group.getAttribute("data-group"));
      const rows = here.map((one) => {
        let row = known.get(one.visit);
        if (!row) {
          row = this.newRow();
          fresh.push(one);
        }
        fillRow(row, one, this.element);
        return row;
      });
      place(list, rows);
      group.toggleAttribute("hidden", here.length === 0);
    }
    this.renderCount(waiting.length + more);
    this.renderNext(next);
    this.renderTimes();
    find(this.element, "[data-empty]").hidden = waiting.length > 0;
    const others = find(this.element, "[data-more]");
    others.hidden = more === 0;
    write(others, fill(this.text("more-waiting"), { n: more }));
    const news = [...fresh.map((one) => fill(this.text("arrived"), { name: one.name })), ...this.newlyWritten(waiting)];
    if (news.length > 0) find(this.element, "[data-queue-news]").textContent = news.join(". ");
    return fresh;
  }

  /**
   * What patients have written since the last snapshot.
   * @param {Waiting[]} waiting
   */
  newlyWritten(waiting) {
    const before = this.wrote;
    this.wrote = new Map();
    const news = [];
    for (const one of waiting) {
      const last = one.messages.filter((said) => said.side === "patient").at(-1);
      const key = last ? `${last.at} ${last.text}` : "";
      this.wrote.set(one.visit, key);
      if (last && before?.has(one.visit) && before.get(one.visit) !== key) {
        news.push(fill(this.text("said-staff"), { name: one.name, text: last.text }));
      }
    }
    return news;
  }

  newRow() {
    const row = /** @type {DocumentFragment} */ (this.template.content.cloneNode(true)).firstElementChild;
    if (!(row instanceof HTMLElement)) throw new Error("the template for a row is empty");
    return row;
  }

  /**
   * The name in a waiting person's row.
   * @param {string} visit
   */
  name(visit) {
    return this.row(visit)?.querySelector('[data-cell="name"]')?.textContent?.trim() ?? "";
  }

  /** @param {string} visit */
  row(visit) {
    return this.rows.querySelector(`[data-visit-row="${CSS.escape(visit)}"]`);
  }

  /** @param {Next | null} next */
  renderNext(next) {
    const form = find(this.element, "[data-admit-next]");
    const pressed = form.contains(document.activeElement);
    form.hidden = !next;
    form.dataset.visit = next?.visit ?? "";
    const button = find(form, "button");
    write(find(button, "[data-next-words]"), next ? fill(button.dataset.text ?? "", { name: shortName(next.name) }) : "");
    const passed = find(this.element, "[data-passed]");
    passed.hidden = !next?.passed.length;
    write(passed, next?.passed.length ? fill(passed.dataset.text ?? "", { names: next.passed.join(", ") }) : "");
    if (pressed && !next) find(this.element, "h1").focus();
  }

  /** @param {number} count */
  renderCount(count) {
    const words = find(this.element, "[data-count]");
    const kind = count === 0 ? "none" : count === 1 ? "one" : "many";
    write(words, fill(words.getAttribute(`data-text-${kind}`) ?? "", { n: count }));
    this.count = count;
  }

  renderTimes() {
    const now = Date.now() + this.offset;
    let longest = 0;
    for (const cell of this.rows.querySelectorAll("[data-since]")) {
      if (!(cell instanceof HTMLElement) || !cell.dataset.since) continue;
      const minutes = minutesSince(cell.dataset.since, now);
      const kind = cell.dataset.cell === "away" ? "away" : "here";
      if (kind === "here") longest = Math.max(longest, minutes);
      const early = kind === "here" && Date.parse(cell.dataset.since) > now + EARLY_MS;
      write(cell, early ? this.text("early") : minutes === 0 ? this.text(`${kind}-now`) : fill(this.text(kind), { n: minutes }));
    }
    const words = find(this.element, "[data-longest]");
    write(words, longest > 0 ? fill(words.dataset.textLongest ?? "", { n: longest }) : "");
  }

  /** @param {string} name */
  text(name) {
    return this.element.getAttribute(`data-text-${name}`) ?? "";
  }
}
