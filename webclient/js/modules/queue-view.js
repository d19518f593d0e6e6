// The list of who waits, in its groups. Rows are kept by visit, so that a button keeps its focus while others come and go.
import { fill, minutesSince, shortName } from "../lib/words.js";
import { find } from "./clock-view.js";
import { fillRow, write } from "./queue-row.js";

export { write };

/** @typedef {import("./queue-row.js").Waiting} Waiting */
/** @typedef {{ visit: string, name: string, passed: string[] }} Next whom "Admit next" admits, and who is passed over */

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
   * @param {number} more how many wait besides
   * @param {Next | null} next
   * @returns {Waiting[]} who is new
   */
  update(waiting, more = 0, next = null) {
    const known = new Map([...this.rows.querySelectorAll("[data-visit-row]")].map((row) => [row.getAttribute("data-visit-row") ?? "", /** @type {HTMLElement} */ (row)]));
    /** @type {Waiting[]} */
    const fresh = [];
    for (const group of this.rows.querySelectorAll("[data-group]")) {
      const list = find(/** @type {HTMLElement} */ (group), "ol");
      const here = waiting.filter((one) => one.group === group.getAttribute("data-group"));
      here.forEach((one, index) => {
        let row = known.get(one.visit);
        known.delete(one.visit);
        if (!row) {
          row = this.newRow();
          fresh.push(one);
        }
        fillRow(row, one, this.element);
        // moving a node loses its focus: only where the order has changed
        if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
      });
      group.toggleAttribute("hidden", here.length === 0);
    }
    for (const row of known.values()) row.remove();
    this.renderCount(waiting.length + more);
    this.renderNext(next);
    this.renderTimes();
    find(this.element, "[data-empty]").hidden = waiting.length > 0;
    const others = find(this.element, "[data-more]");
    others.hidden = more === 0;
    write(others, fill(this.text("more-waiting"), { n: more }));
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
