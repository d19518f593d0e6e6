// The therapist's booked visits of today.
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
    slots.forEach((slot, index) => {
      let row = this.list.children[index];
      if (!row) {
        row = /** @type {Element} */ (/** @type {DocumentFragment} */ (this.template.content.cloneNode(true)).firstElementChild);
        this.list.append(row);
      }
      if (row instanceof HTMLElement) this.fill(row, slot);
    });
    while (this.list.children.length > slots.length) this.list.lastElementChild?.remove();
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
