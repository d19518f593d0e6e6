// The note beside the call: saves as it is typed, shows and hides what the answers ask for, and puts what the server
// finds out (the suggestion, what is left) into its place. Text lives in the page's memory and on the server only.

import { Autosave } from "../lib/autosave.js";
import { holds, valuesOf } from "../lib/conditions.js";
import NoteRows from "./note-rows.js";
import { dataOf, post, swapNote } from "./note-swap.js";

/** @typedef {{ version: number, saved_at: string, input_hash: string, errors?: Record<string, string>, html?: string }} Saved */

export default class Note {
  /** @param {HTMLElement} element the form */
  constructor(element) {
    if (!(element instanceof HTMLFormElement)) throw new Error("the note is a form");
    this.form = element;
    this.status = /** @type {HTMLElement} */ (element.querySelector("[data-status]"));
    this.stopped = "";
    this.savedAt = "";
    this.invalid = false;
    this.autosave = new Autosave({ send: (last) => this.send(last) });
    this.autosave.addEventListener("state", () => this.showState());
    new NoteRows(element, () => this.changed());
    element.addEventListener("input", (event) => this.changed(event.target));
    element.addEventListener("change", () => void this.reveal());
    element.addEventListener("click", (event) => this.followLink(event));
    element.addEventListener("submit", (event) => void this.submitted(event));
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden" && this.form.isConnected) void this.autosave.flush(true);
    });
    addEventListener("beforeunload", (event) => {
      if (this.form.isConnected && this.autosave.dirty) event.preventDefault();
    });
    this.reveal();
    // an answer that was given before this script had come must not wait for the next one: it may be a red flag
    if ([...element.elements].some(isTouched)) this.changed();
  }

  /** @param {EventTarget | null} [control] */
  changed(control) {
    const field = control instanceof Element ? control.closest("[data-field]") : null;
    // the patient's own answer is the therapist's from now on
    for (let one = field; one; one = one.parentElement?.closest("[data-field]") ?? null) one.querySelector("[data-from-patient]")?.remove();
    this.reveal();
    this.autosave.changed();
  }

  /** Shows what the answers ask for. A hidden field keeps its text. */
  reveal() {
    const values = valuesOf(new FormData(this.form));
    for (const element of this.form.querySelectorAll("[data-show]")) {
      if (!(element instanceof HTMLElement)) continue;
      const within = (element.dataset.field ?? "").replace(/-[^-]*$/, "");
      const was = element.hidden;
      element.hidden = !holds(JSON.parse(element.dataset.show ?? "[]"), values, within);
      // What to do now stands at the top of the note: the therapist must not have to look for it.
      if (was && !element.hidden && element.matches(".note-emergency")) element.scrollIntoView({ block: "start" });
    }
  }

  /** The buttons work without leaving the page: a call may be running beside it. @param {SubmitEvent} event */
  async submitted(event) {
    event.preventDefault();
    const button = event.submitter;
    if (!(button instanceof HTMLButtonElement) || button.value !== "sign") {
      this.autosave.changed();
      return this.autosave.flush();
    }
    button.disabled = true;
    try {
      await this.autosave.settled();
      const data = dataOf(this.form);
      data.set("do", "sign");
      const answer = await post(button.formAction, data);
      if (answer.html) return await swapNote(this.form, answer.html);
      if (answer.status >= 500) throw new Error(`the server answered ${answer.status}`);
      this.refused(answer.status, answer.error);
    } catch {
      this.autosave.changed(); // the draft goes on being saved
      this.say("retry", this.form.dataset.textFailed);
    } finally {
      button.disabled = false;
    }
  }

  /** @param {number} status @param {string} [error] */
  refused(status, error) {
    this.stopped = status !== 409 ? "refused" : error === "note_signed" ? "signed" : "conflict";
    this.autosave.stop();
  }

  /**
   * @param {boolean} last
   * @returns {Promise<boolean>}
   */
  async send(last) {
    const data = dataOf(this.form);
    data.set("do", "save");
    const body = data.toString();
    const response = await fetch(this.form.dataset.saveUrl ?? this.form.action, {
      method: "POST",
      headers: {
        Accept: "application/json",
        "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
        "X-CSRF-Token": this.value("csrf"),
      },
      body,
      keepalive: last && body.length < 60_000, // browsers take 64 KiB at most of what outlives the page
      credentials: "same-origin",
      redirect: "manual",
    });
    if (response.ok) {
      this.took(/** @type {Saved} */ (await response.json()));
      return true;
    }
    if (response.status === 409) {
      const answer = await response.json().catch(() => ({}));
      this.stopped = answer.error === "note_signed" ? "signed" : "conflict";
      return false;
    }
    // A redirect leads to the sign-in page; 4xx will not work the next time either.
    if (response.type === "opaqueredirect" || (response.status >= 400 && response.status < 500 && response.status !== 429)) {
      this.stopped = "refused";
      return false;
    }
    throw new Error(`the server answered ${response.status}`);
  }

  /** @param {Saved} saved */
  took(saved) {
    this.stopped = "";
    this.savedAt = saved.saved_at;
    this.set("version", String(saved.version));
    this.set("input_hash", saved.input_hash);
    this.showErrors(saved.errors ?? {});
    if (saved.html) this.replaceFragments(saved.html);
  }

  /** @param {Record<string, string>} errors by the name of the control */
  showErrors(errors) {
    this.invalid = Object.keys(errors).length > 0;
    for (const line of this.form.querySelectorAll("[data-error]")) {
      if (!(line instanceof HTMLElement)) continue;
      const name = line.id.replace(/-error$/, "");
      const text = errors[name] ?? "";
      line.hidden = text === "";
      const words = line.querySelector("[data-error-text]");
      if (words && words.textContent !== text) words.textContent = text;
      line.closest(".note-field")?.classList.toggle("has-error", text !== "");
      const control = document.getElementById(name);
      if (control?.matches("input, select, textarea")) {
        if (text) control.setAttribute("aria-invalid", "true");
        else control.removeAttribute("aria-invalid");
      }
    }
  }

  /** @param {string} html */
  replaceFragments(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    for (const part of fresh.querySelectorAll("[data-fragment]")) {
      const old = this.form.querySelector(`[data-fragment="${CSS.escape(part.getAttribute("data-fragment") ?? "")}"]`);
      if (!old || old.innerHTML.trim() === part.innerHTML.trim()) continue;
      // what the therapist has opened stays open, and the focus stays where it was
      const open = [...old.querySelectorAll("details[open]")].map((d) => d.getAttribute("data-keep"));
      const focused = old.contains(document.activeElement) ? document.activeElement?.closest("[data-keep]") : null;
      old.replaceChildren(...[...part.childNodes].map((node) => document.importNode(node, true)));
      for (const details of old.querySelectorAll("details")) {
        if (open.includes(details.getAttribute("data-keep"))) details.open = true;
        if (focused && details.getAttribute("data-keep") === focused.getAttribute("data-keep")) details.querySelector("summary")?.focus();
      }
    }
  }

  showState() {
    const texts = this.form.dataset;
    const saved = this.invalid ? texts.textInvalid : texts.textSaved;
    /** @type {Record<string, string | undefined>} */
    const words = {
      typing: this.savedAt ? undefined : texts.textTyping,
      saving: texts.textSaving,
      saved: saved?.replace("{time}", this.savedAt),
      retry: texts.textRetry,
      conflict: texts.textConflict,
      signed: texts.textSigned,
      refused: texts.textRefused,
    };
    const state = this.autosave.state === "stopped" ? this.stopped : this.autosave.state;
    this.status.dataset.state = state === "saved" && this.invalid ? "invalid" : state;
    // "saving" and "typing" pass too fast to be read out: the line changes when there is something to say
    if (state !== "saving") this.say(this.status.dataset.state ?? "", words[state]);
  }

  /** @param {string} state @param {string | undefined} text */
  say(state, text) {
    this.status.dataset.state = state;
    if (text !== undefined && this.status.textContent !== text) this.status.textContent = text;
  }

  /** @param {Event} event a link to a field goes to the field itself @returns {void} */
  followLink(event) {
    const link = event.target instanceof Element ? event.target.closest('a[href^="#"]') : null;
    const target = link && document.getElementById(decodeURIComponent((link.getAttribute("href") ?? "").slice(1)));
    if (!target || !this.form.contains(target)) return;
    event.preventDefault();
    (target.closest(".note-field") ?? target).scrollIntoView({ block: "start" });
    target.focus({ preventScroll: true });
  }

  /** @param {string} name */
  value(name) {
    const control = this.form.elements.namedItem(name);
    return control instanceof HTMLInputElement ? control.value : "";
  }

  /** @param {string} name @param {string} value */
  set(name, value) {
    const control = this.form.elements.namedItem(name);
    if (control instanceof HTMLInputElement) control.value = value;
  }
}

/** @param {Element} control whether it holds something else than what the server has sent */
function isTouched(control) {
  if (control instanceof HTMLTextAreaElement) return control.value !== control.defaultValue;
  if (control instanceof HTMLSelectElement) {
    return control.value !== ([...control.options].find((option) => option.defaultSelected) ?? control.options[0])?.value;
  }
  if (!(control instanceof HTMLInputElement)) return false;
  return ["radio", "checkbox"].includes(control.type) ? control.checked !== control.defaultChecked : control.value !== control.defaultValue;
}
