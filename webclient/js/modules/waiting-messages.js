// Messages between the clinic and who waits: shown at once, with a tone, and kept in a list; answers with one press.
import { clockText, ShownMessages } from "../lib/message-list.js";
import { newInstance } from "../lib/page.js";
import { playTone } from "../lib/sound.js";
import { find } from "./clock-view.js";

/** @typedef {{ number: number, side: string, at: string, text: string, name: string | null }} Message */

export class WaitingMessages {
  /** @param {HTMLElement} element [data-messages] */
  constructor(element) {
    this.element = element;
    this.list = find(element, "[data-message-list]");
    this.form = /** @type {HTMLFormElement} */ (find(element, "[data-message-form]"));
    this.field = /** @type {HTMLTextAreaElement} */ (find(element, "[data-message-text]"));
    this.error = find(element, "[data-message-error]");
    this.said = find(element, "[data-message-said]");
    this.toast = /** @type {HTMLElement} */ (document.querySelector("[data-toast]"));
    this.shown = new ShownMessages([...this.list.children].map((item) => Number(item instanceof HTMLElement ? item.dataset.number : 0)));
    this.leaving = false;
    this.version = -1;
    /** What was pressed and is not stored yet keeps its id: pressed again it is the same message. @type {Map<string, string>} */
    this.ids = new Map();
    this.form.addEventListener("submit", (event) => void this.submitted(/** @type {SubmitEvent} */ (event)));
    find(this.toast, "[data-toast-close]").addEventListener("click", () => this.closeToast());
    addEventListener("beforeunload", (event) => {
      if (this.unsent && this.form.isConnected && !this.leaving) event.preventDefault();
    });
    element.closest("#visit")?.addEventListener("visit:closing", () => (this.leaving = true));
  }

  get unsent() {
    return this.field.value.trim() !== "" && this.field.offsetParent !== null;
  }

  /** Another connection counts anew. */
  welcome() {
    this.version = -1;
  }

  /** @param {{ version?: number, data?: { messages?: Message[] } }} snapshot */
  heard({ version = 0, data }) {
    if (version < this.version || !data?.messages) return;
    this.version = version;
    const fresh = this.shown.fresh(data.messages);
    for (const one of fresh) this.add(one);
    const staff = fresh.filter((one) => one.side === "staff").at(-1);
    if (staff) this.show(staff);
  }

  /** @param {Message} message */
  add(message) {
    const item = document.createElement("li");
    item.className = `message message-${message.side}`;
    item.dataset.number = String(message.number);
    const who = document.createElement("p");
    who.className = "message-who";
    const name = document.createElement("strong");
    name.textContent = message.side === "patient" ? (this.element.dataset.textYou ?? "") : message.name || (this.element.dataset.textClinic ?? "");
    const time = document.createElement("time");
    time.dateTime = message.at;
    time.textContent = clockText(message.at, document.documentElement.lang, this.element.dataset.zone);
    who.append(name, " ", time);
    const text = document.createElement("p");
    text.className = "message-text";
    text.textContent = message.text;
    item.append(who, text);
    const next = this.shown.add(message.number);
    this.list.insertBefore(item, next === null ? null : this.list.querySelector(`[data-number="${next}"]`));
    this.list.hidden = false;
    find(this.element, "[data-message-none]").hidden = true;
  }

  /** @param {Message} message */
  show(message) {
    const who = message.name || this.element.dataset.textClinic || "";
    this.said.textContent = `${this.element.dataset.textNew ?? ""} ${message.text}`;
    find(this.toast, "[data-toast-who]").textContent = who;
    find(this.toast, "[data-toast-text]").textContent = message.text;
    this.toast.hidden = false;
    playTone();
    navigator.vibrate?.(200);
  }

  closeToast() {
    this.toast.hidden = true;
    find(this.element, "#messages-title").focus({ preventScroll: true }); // not the field: a phone would show its keyboard
    this.list.lastElementChild?.scrollIntoView({ block: "nearest" });
  }

  /** @param {SubmitEvent} event */
  async submitted(event) {
    event.preventDefault();
    const button = event.submitter instanceof HTMLButtonElement ? event.submitter : null;
    const own = !button?.value;
    const text = (own ? this.field.value : (button?.value ?? "")).trim();
    if (!text) return this.field.focus();
    const id = this.ids.get(text) ?? newInstance();
    this.ids.set(text, id);
    if (button) button.disabled = true;
    this.error.hidden = true;
    try {
      const csrf = /** @type {HTMLInputElement} */ (this.form.elements.namedItem("csrf")).value;
      const body = new URLSearchParams({ id, text });
      const answer = await fetch(this.form.action, { method: "POST", body, headers: { Accept: "application/json", "X-CSRF-Token": csrf } });
      if (!answer.ok) {
        const said = await answer.json().catch(() => ({}));
        return this.failed(said.text ? `${said.title}. ${said.text}` : "");
      }
      const { number } = await answer.json();
      this.ids.delete(text);
      if (own && this.field.value.trim() === text) this.field.value = "";
      for (const one of this.shown.fresh([{ number, side: "patient", at: new Date().toISOString(), text, name: null }])) this.add(one);
      this.toast.hidden = true;
    } catch {
      this.failed("");
    } finally {
      if (button) button.disabled = false;
      if (document.activeElement === document.body) button?.focus({ preventScroll: true });
    }
  }

  /** @param {string} words the server's, or none when it was not reached */
  failed(words) {
    this.error.textContent = words || (this.error.dataset.textFailed ?? "");
    this.error.hidden = false;
  }
}
