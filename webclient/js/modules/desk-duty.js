// The header's control: on duty, a break, the last patient, off. The last one who goes while people wait is asked first.
import { unlockSound } from "../lib/sound.js";
import { fill } from "../lib/words.js";
import { find } from "./clock-view.js";

export class DeskDuty {
  /**
   * @param {HTMLElement} element #desk
   * @param {() => void} onDuty has just begun
   * @param {(words: string) => void} say what must be heard now
   */
  constructor(element, onDuty, say) {
    this.element = element;
    this.form = /** @type {HTMLFormElement} */ (document.querySelector("form[data-duty]"));
    this.onDuty = onDuty;
    this.say = say;
    this.dialog = /** @type {HTMLDialogElement} */ (find(element, "[data-leave-dialog]"));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      unlockSound();
      const button = event.submitter instanceof HTMLButtonElement ? event.submitter : null;
      void this.set(button?.value ?? "on");
      this.closeMenu(true);
    });
    // an open menu goes with Escape and with a press elsewhere
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.closeMenu(true));
    document.addEventListener("click", (event) => !(event.target instanceof Element && event.target.closest(".duty-menu")) && this.closeMenu(false));
    this.dialog.addEventListener("click", (event) => {
      const action = event.target instanceof Element ? event.target.closest("[data-action]")?.getAttribute("data-action") : "";
      if (action === "leave-duty") void this.set("off", true);
      if (action === "leave-duty" || action === "stay-on-duty") this.dialog.close();
    });
  }

  /**
   * @param {string} duty
   * @param {boolean} [sure]
   */
  async set(duty, sure = false) {
    const token = /** @type {HTMLInputElement} */ (find(this.form, '[name="csrf"]')).value;
    const body = new URLSearchParams({ csrf: token, duty, ...(sure ? { sure: "yes" } : {}) });
    let answered = false;
    this.say("");
    try {
      const answer = await fetch(this.form.action, { method: "POST", body, headers: { Accept: "application/json" } });
      answered = true;
      if (!answer.ok) throw new Error(`duty answered ${answer.status}`);
      const { left } = /** @type {{ left: number }} */ (await answer.json());
      if (left > 0) this.ask(left);
      else {
        this.show(duty);
        if (duty === "on") this.onDuty();
      }
    } catch (error) {
      console.info("duty not changed", error);
      const inCall = ["admitted", "in_session"].includes(this.element.dataset.visitState ?? "");
      if (answered && !inCall) location.reload(); // the server's page says what is true
      else this.say(this.element.dataset.textFailed ?? "");
    }
  }

  /** @param {boolean} focus back to what opened it */
  closeMenu(focus) {
    for (const menu of this.form.querySelectorAll("details[open]")) {
      menu.removeAttribute("open");
      const summary = menu.querySelector("summary");
      if (focus && summary && menu.contains(document.activeElement)) summary.focus();
    }
  }

  /** @param {number} left */
  ask(left) {
    const words = find(this.dialog, "[data-leave-words]");
    words.textContent = left === 1 ? (words.dataset.textOne ?? "") : fill(words.dataset.textMany ?? "", { n: left });
    this.dialog.showModal();
  }

  /** @param {string} duty on, break, last or off */
  show(duty) {
    const on = duty !== "off";
    this.element.dataset.onDuty = on ? "yes" : "no";
    this.element.dataset.dutyState = duty;
    const pressed = document.activeElement?.closest("[data-duty-side]");
    for (const side of this.form.querySelectorAll("[data-duty-side]")) {
      if (!(side instanceof HTMLElement)) continue;
      side.hidden = side.dataset.dutySide !== duty;
      // the button that was pressed goes; whoever works by keyboard stays in its place
      const first = side.querySelector("summary, button");
      if (pressed && pressed !== side && !side.hidden && first instanceof HTMLElement) first.focus();
    }
    find(this.element, "[data-empty-on]").hidden = !on;
    find(this.element, "[data-empty-off]").hidden = on;
    find(this.element, "[data-off-duty-hint]").hidden = on || !find(this.element, "[data-empty]").hidden;
  }
}
