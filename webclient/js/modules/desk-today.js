// The therapist's booked visits of today.
import { place, takeAway } from "../lib/rows.js";
import { find } from "./clock-view.js";
import { write } from "./queue-row.js";

/** @typedef {{ visit: string, name: string, time: string, state: string }} Slot */

export class TodayView {
  /** @param {HTMLElement} element the one with [data-today] */
  constructor(element) {
    this.element = element;
    this.list = find(element, "[data-slots]");
    this.template = /** @type {HTMLTemplateElement} */ (element.querySelector("template[data-slot-template]"));
  }

  /** @param {Slot[]} slots */
  update(slots) {
    this.element.hidden = slots.length === 0;
    const known = new Map([...this.list.children].map((row) => [row.getAttribute("data-slot") ?? "", /** @type {HTMLElement} */ (row)]));
    const still = new Set(slots.map((slot) => slot.visit));
    takeAway([...known].filter(([visit]) => !still.has(visit)).map(([, row]) => row), "[data-acts]:not([hidden])", null);
    const rows = slots.map((slot) => {
      const row = known.get(slot.visit) ?? /** @type {DocumentFragment} */ (this.template.content.cloneNode(true)).firstElementChild;
      if (!(row instanceof HTMLElement)) throw new Error("the template for a slot is empty");
      this.fill(row, slot);
      return row;
    });
    place(this.list, rows);
  }

  /**
   * @param {HTMLElement} row
   * @param {Slot} slot
   */
  fill(row, slot) {
    row.dataset.slot = slot.visit;
    row.dataset.state = slot.state;
    write(find(row, '[data-cell="time"]'), slot.time);
    write(find(row, '[data-cell="name"]'), slot.name);
    const state = find(row, '[data-cell="state"]');
    state.className = `state state-${this.element.getAttribute(`data-kind-${slot.state}`) ?? "neutral"}`;
    write(state, this.element.getAttribute(`data-text-${slot.state}`) ?? "");
    const act = /** @type {HTMLAnchorElement} */ (find(row, "[data-acts]"));
    act.hidden = slot.state !== "late";
    act.href = act.href.replace(/visits\/[^/]+\/acts/, `visits/${encodeURIComponent(slot.visit)}/acts`);
  }
}
