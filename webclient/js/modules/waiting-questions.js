// The questions while waiting: one small step at a time, saved as they are answered. What is not saved yet lives in the
// page's memory alone; whoever leaves with something unsaved is told.
import { Autosave } from "../lib/autosave.js";
import { holds, valuesOf } from "../lib/conditions.js";
import { fill } from "../lib/words.js";

/** @typedef {{ version: number, saved_at: string, errors: Record<string, string>, merged: boolean, replaced: string[], values: Record<string, string[]> }} Saved */

const WAIT_MS = 900;

export default class WaitingQuestions {
  /** @param {HTMLElement} element the form */
  constructor(element) {
    if (!(element instanceof HTMLFormElement)) throw new Error("the questions are a form");
    this.form = element;
    this.steps = /** @type {HTMLElement[]} */ ([...element.querySelectorAll("[data-step]")]);
    this.status = this.part("[data-status]");
    this.back = /** @type {HTMLButtonElement} */ (this.part('[data-action="step-back"]'));
    this.next = /** @type {HTMLButtonElement} */ (this.part('[data-action="step-next"]'));
    this.finish = /** @type {HTMLButtonElement} */ (this.part("[data-save]"));
    this.savedAt = "";
    this.leaving = false;
    /** The visit has moved on: nothing is taken any more, so nothing is left to save. */
    this.movedOn = false;
    /** What was read out last. */
    this.told = "";
    /** Controls that were answered since the last save, with the number of the change. @type {Map<string, number>} */
    this.touched = new Map();
    this.count = 0;
    this.autosave = new Autosave({ send: (last) => this.send(last), waitMs: WAIT_MS });
    this.autosave.addEventListener("state", () => this.showState());
    element.addEventListener("input", (event) => this.changed(event.target));
    element.addEventListener("click", (event) => this.pressed(event));
    element.addEventListener("submit", (event) => void this.submitted(event));
    document.addEventListener("visibilitychange", () => document.hidden && this.form.isConnected && void this.autosave.flush(true));
    addEventListener("online", () => void this.autosave.flush());
    addEventListener("beforeunload", (event) => {
      if (this.unsaved && !this.leaving) event.preventDefault();
    });
    const visit = element.closest("#visit");
    visit?.addEventListener("visit:flush", () => void this.autosave.flush(true));
    visit?.addEventListener("visit:closing", () => {
      this.leaving = true;
      void this.autosave.flush(true);
    });
    visit?.querySelector("[data-leave]")?.addEventListener("submit", (event) => void this.askBeforeLeaving(/** @type {SubmitEvent} */ (event)));
    for (const control of element.elements) if (isTouched(control)) this.changed(control); // answered before the script had come
    this.show(Math.max(0, this.steps.findIndex((step) => step.querySelector(".has-error"))));
    this.reveal();
  }

  get unsaved() {
    return this.form.isConnected && this.autosave.dirty && !this.movedOn;
  }

  /** @param {string} selector */
  part(selector) {
    return /** @type {HTMLElement} */ (this.form.querySelector(selector));
  }

  /** @param {EventTarget | null} control */
  changed(control) {
    if (!(control instanceof HTMLInputElement || control instanceof HTMLTextAreaElement || control instanceof HTMLSelectElement) || !control.name) return;
    this.count += 1;
    this.touched.set(control.name, this.count);
    if (control instanceof HTMLInputElement && control.name === "condition" && control.checked) this.onlyOne(control);
    this.reveal();
    this.autosave.changed();
  }

  /** "None of these" stands alone. @param {HTMLInputElement} box */
  onlyOne(box) {
    for (const other of this.form.querySelectorAll('input[name="condition"]')) {
      if (other instanceof HTMLInputElement && other !== box && (box.value === "none" || other.value === "none")) other.checked = false;
    }
  }

  /** Shows what the answers ask for. What is hidden keeps its answer. */
  reveal() {
    const values = valuesOf(new FormData(this.form));
    for (const element of this.form.querySelectorAll("[data-show]:not([data-step])")) {
      if (element instanceof HTMLElement) element.hidden = !holds(JSON.parse(element.dataset.show ?? "[]"), values);
    }
    for (const element of this.form.querySelectorAll("[data-after]")) {
      if (element instanceof HTMLElement) element.hidden = !values.has(element.dataset.after ?? "");
    }
    this.number();
  }

  /** The steps that the answers so far leave. */
  wanted() {
    const values = valuesOf(new FormData(this.form));
    return this.steps.filter((step) => !step.dataset.show || holds(JSON.parse(step.dataset.show), values));
  }

  /** @param {number} index of `steps` */
  show(index) {
    this.index = index;
    this.steps.forEach((step, n) => (step.hidden = n !== index));
    this.number();
  }

  number() {
    const wanted = this.wanted();
    const now = wanted.indexOf(/** @type {HTMLElement} */ (this.steps[this.index ?? 0]));
    const words = this.part("[data-step-words]");
    words.hidden = false;
    words.textContent = fill(this.form.dataset.textStep ?? "", { n: now + 1, all: wanted.length });
    this.back.hidden = now <= 0;
    this.next.hidden = now === wanted.length - 1;
    this.finish.hidden = now !== wanted.length - 1;
  }

  /** @param {Event} event */
  pressed(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-action]") : null;
    if (!(button instanceof HTMLElement)) return;
    if (button.dataset.action === "step-again") {
      this.done(false);
      this.show(0);
      this.steps[0]?.querySelector("h3")?.focus();
    }
    const by = button.dataset.action === "step-next" ? 1 : button.dataset.action === "step-back" ? -1 : 0;
    if (by) this.move(by);
  }

  /** @param {number} by */
  move(by) {
    const wanted = this.wanted();
    const now = wanted.indexOf(/** @type {HTMLElement} */ (this.steps[this.index ?? 0]));
    const step = wanted[now + by];
    if (!step) return;
    this.show(this.steps.indexOf(step));
    void this.autosave.flush();
    const heading = step.querySelector("h3");
    heading?.focus({ preventScroll: true });
    heading?.scrollIntoView({ block: "nearest" });
  }

  /** @param {Event} event */
  async submitted(event) {
    event.preventDefault();
    if (!this.next.hidden) return this.move(1); // Enter in a field: the browser then names the hidden button
    if (!this.autosave.dirty) this.autosave.changed();
    await this.autosave.flush();
    if (this.autosave.state !== "saved") return;
    this.done(true);
    this.part(".question-done").focus();
  }

  /** @param {boolean} yes the last step is saved: the questions make room */
  done(yes) {
    this.part("[data-done]").hidden = !yes;
    this.form.dataset.done = yes ? "yes" : "no";
  }

  /** @param {SubmitEvent} event */
  async askBeforeLeaving(event) {
    if (!this.unsaved || this.leaving) return;
    event.preventDefault();
    await this.autosave.flush();
    const form = /** @type {HTMLFormElement} */ (event.target);
    this.leaving = true; // pressed again, it is meant
    if (!this.unsaved) return form.requestSubmit();
    this.say("unsaved", this.form.dataset.textUnsaved);
    this.status.scrollIntoView({ block: "center" });
  }

  /**
   * @param {boolean} last the page is going away
   * @returns {Promise<boolean>}
   */
  async send(last) {
    const upTo = this.count;
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(this.form)) if (typeof value === "string" && name !== "csrf") body.append(name, value);
    for (const name of this.touched.keys()) body.append("touched", name);
    const csrf = /** @type {HTMLInputElement} */ (this.form.elements.namedItem("csrf")).value;
    const answer = await fetch(this.form.action, {
      method: "POST",
      body,
      headers: { Accept: "application/json", "X-CSRF-Token": csrf },
      keepalive: last,
      redirect: "manual",
    });
    if (answer.ok) {
      this.movedOn = false; // back in the waiting room
      this.took(/** @type {Saved} */ (await answer.json()), upTo);
      return true;
    }
    if (answer.type === "opaqueredirect" || (answer.status >= 400 && answer.status < 500 && answer.status !== 429)) {
      const said = await answer.json().catch(() => ({}));
      this.movedOn = said.error === "not_possible_now";
      return false;
    }
    throw new Error(`the server answered ${answer.status}`);
  }

  /**
   * @param {Saved} saved
   * @param {number} upTo the last change that was sent
   */
  took(saved, upTo) {
    this.savedAt = saved.saved_at;
    /** @type {HTMLInputElement} */ (this.form.elements.namedItem("version")).value = String(saved.version);
    const wrong = new Set(Object.keys(saved.errors).map((name) => name.split("-")[0]));
    for (const [name, count] of this.touched) if (count <= upTo && !wrong.has(name.split("-")[0])) this.touched.delete(name);
    this.showErrors(saved.errors);
    if (saved.merged) this.takeOver(saved.values);
    const box = this.part("[data-replaced]");
    box.hidden = !saved.merged;
    if (!saved.merged) return;
    const replaced = saved.replaced.length > 0;
    this.part("[data-replaced-title]").textContent = (replaced ? this.form.dataset.textReplaced : this.form.dataset.textMerged) ?? "";
    this.part("[data-replaced-list]").replaceChildren(
      ...saved.replaced.map((words) => Object.assign(document.createElement("li"), { textContent: words })),
    );
  }

  /**
   * What another window has answered, in every control that was not touched here.
   * @param {Record<string, string[]>} values
   */
  takeOver(values) {
    for (const control of this.form.elements) {
      if (!(control instanceof HTMLInputElement || control instanceof HTMLTextAreaElement || control instanceof HTMLSelectElement)) continue;
      if (!control.name || this.touched.has(control.name) || ["csrf", "version", "section"].includes(control.name)) continue;
      const now = values[control.name] ?? [];
      if (control instanceof HTMLInputElement && ["radio", "checkbox"].includes(control.type)) control.checked = now.includes(control.value);
      else control.value = now[0] ?? "";
    }
    this.reveal();
  }

  /** @param {Record<string, string>} errors by control */
  showErrors(errors) {
    for (const line of this.form.querySelectorAll(".field-error")) line.remove();
    for (const control of this.form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
    for (const [name, words] of Object.entries(errors)) {
      const control = document.getElementById(name);
      if (!control) continue;
      const line = Object.assign(document.createElement("p"), { className: "field-error", id: `${name}-error`, textContent: words });
      control.before(line);
      control.setAttribute("aria-invalid", "true");
      control.setAttribute("aria-describedby", `${control.getAttribute("aria-describedby") ?? ""} ${line.id}`.trim());
    }
  }

  showState() {
    const texts = this.form.dataset;
    const stopped = this.autosave.state === "stopped";
    const state = stopped ? (this.movedOn ? "over" : "refused") : this.autosave.state;
    this.part("[data-refused]").hidden = state !== "refused";
    /** @type {Record<string, string | undefined>} */
    const words = { typing: texts.textTyping, saved: fill(texts.textSaved ?? "", { time: this.savedAt }), retry: texts.textRetry, over: texts.textOver, refused: texts.textRefused };
    // "saving" passes too fast to be read out
    if (state !== "saving" && state !== "clean") this.say(state, words[state]);
  }

  /** @param {string} state @param {string | undefined} text */
  say(state, text) {
    this.status.dataset.state = state;
    if (text === undefined) return;
    if (this.status.textContent !== text) this.status.textContent = text;
    // Read out is what went wrong, and that it is saved again after that or for the first time; not every letter's way.
    if (state === "typing" || this.told === state) return;
    this.told = state;
    this.part("[data-status-said]").textContent = text;
  }
}

/** @param {Element} control whether it holds something else than what the server has sent */
function isTouched(control) {
  if (control instanceof HTMLTextAreaElement) return control.value !== control.defaultValue;
  if (control instanceof HTMLSelectElement) return [...control.options].some((option) => option.selected !== option.defaultSelected) && control.value !== "";
  if (!(control instanceof HTMLInputElement) || control.type === "hidden") return false;
  return ["radio", "checkbox"].includes(control.type) ? control.checked !== control.defaultChecked : control.value !== control.defaultValue;
}
