// Rows that can be added and taken away, "none" boxes, and the one button that fills the rest of a group.

const NEW_ROW = "__row__"; // server/form/page.py

export default class NoteRows {
  /**
   * @param {HTMLElement} element
   * @param {() => void} changed
   */
  constructor(element, changed) {
    this.element = element;
    this.changed = changed;
    for (const button of element.querySelectorAll("[data-add-row], [data-remove-row], [data-fill-rest]")) {
      if (button instanceof HTMLElement) button.hidden = false;
    }
    // the blank row at the end of a list is for pages without a script: here is a button
    for (const row of element.querySelectorAll("[data-extra]")) row.remove();
    for (const list of element.querySelectorAll("[data-list]")) {
      if (list instanceof HTMLElement) this.count(list);
    }
    element.addEventListener("click", (event) => this.click(event));
    element.addEventListener("change", (event) => this.exclude(event));
  }

  /** @param {Event} event */
  click(event) {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (!button) return;
    const list = button.closest("[data-list]");
    if (button.matches("[data-fill-rest]")) this.fill(button);
    else if (list instanceof HTMLElement && button.matches("[data-add-row]")) this.add(list);
    else if (list instanceof HTMLElement && button.matches("[data-remove-row]")) this.remove(list, button);
  }

  /** @param {HTMLElement} list */
  add(list) {
    const template = list.querySelector("template[data-new-row]");
    const rows = list.querySelector("[data-rows]");
    if (!(template instanceof HTMLTemplateElement) || !rows) return;
    const row = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
    rows.append(row);
    for (const hidden of row.querySelectorAll("[data-remove-row]")) if (hidden instanceof HTMLElement) hidden.hidden = false;
    this.renumber(list);
    const none = list.querySelector("[data-none]");
    if (none instanceof HTMLInputElement) none.checked = false;
    row.querySelector("input, select, textarea")?.dispatchEvent(new Event("change", { bubbles: true }));
    const first = row.querySelector("input, select, textarea");
    if (first instanceof HTMLElement) first.focus();
  }

  /** @param {HTMLElement} list @param {Element} button */
  remove(list, button) {
    button.closest("[data-row]")?.remove();
    this.renumber(list);
    const add = list.querySelector("[data-add-row]");
    if (add instanceof HTMLElement) add.focus();
    this.changed();
  }

  /** Rows are numbered without gaps, so that the server's errors meet the right one. @param {HTMLElement} list */
  renumber(list) {
    const name = list.dataset.list ?? "";
    const from = new RegExp(`^${name}-(?:\\d+|${NEW_ROW})-`);
    [...list.querySelectorAll("[data-row]")].forEach((row, number) => {
      for (const element of row.querySelectorAll("*")) {
        for (const attribute of ["id", "name", "for", "data-field"]) {
          const value = element.getAttribute(attribute);
          if (value && from.test(value)) element.setAttribute(attribute, value.replace(from, `${name}-${number}-`));
        }
        const described = element.getAttribute("aria-describedby");
        if (described) {
          element.setAttribute("aria-describedby", described.split(" ").map((id) => id.replace(from, `${name}-${number}-`)).join(" "));
        }
      }
      const label = (row.getAttribute("aria-label") ?? "").replace(/\s*\d*$/, "");
      row.setAttribute("aria-label", `${label} ${number + 1}`);
      for (const words of row.querySelectorAll("[data-row-number]")) words.textContent = String(number + 1);
    });
    this.count(list);
  }

  /** @param {HTMLElement} list */
  count(list) {
    const add = list.querySelector("[data-add-row]");
    const most = Number(list.dataset.most ?? "99");
    if (add instanceof HTMLElement) add.hidden = list.querySelectorAll("[data-row]").length >= most;
  }

  /** @param {Element} button */
  fill(button) {
    const group = button.closest("[data-fill]");
    if (!(group instanceof HTMLElement)) return;
    for (const chips of group.querySelectorAll(".chips")) {
      if (chips.querySelector("input:checked")) continue;
      const choice = chips.querySelector(`input[value="${CSS.escape(group.dataset.fill ?? "")}"]`);
      if (choice instanceof HTMLInputElement) choice.checked = true;
    }
    this.changed();
  }

  /** "None" and an answer exclude each other: the later one stays. @param {Event} event */
  exclude(event) {
    const box = event.target;
    if (!(box instanceof HTMLInputElement || box instanceof HTMLSelectElement || box instanceof HTMLTextAreaElement)) return;
    const chips = box.closest(".chips");
    const alone = chips?.getAttribute("data-exclusive");
    if (chips && box instanceof HTMLInputElement && box.checked) {
      for (const other of chips.querySelectorAll("input")) {
        if (other === box) continue;
        const clash = alone ? box.value === alone || other.value === alone : box.matches("[data-none]") !== other.matches("[data-none]");
        if (clash && other.type === "checkbox") other.checked = false;
      }
    }
    const list = box.closest("[data-list]");
    const none = list?.querySelector(":scope > .chip [data-none]");
    if (list && none instanceof HTMLInputElement && none !== box && box.value && box.closest("[data-row]")) none.checked = false;
    if (list && none === box && none instanceof HTMLInputElement && none.checked) {
      // rows with an answer in them say that there is something: the box does not overrule them
      const filled = [...list.querySelectorAll("[data-row] input, [data-row] select, [data-row] textarea")].find(
        (control) =>
          !control.matches("[data-preset]") &&
          (control instanceof HTMLInputElement && (control.type === "radio" || control.type === "checkbox")
            ? control.checked
            : /** @type {HTMLInputElement} */ (control).value !== ""),
      );
      if (filled instanceof HTMLElement) {
        none.checked = false;
        filled.focus();
      }
    }
  }
}
