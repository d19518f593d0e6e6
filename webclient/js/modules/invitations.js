// The therapist's dialog for third persons: shows the server's page about them, and sends its forms without leaving the call.
import { find } from "./clock-view.js";

export default class Invitations {
  /** @param {HTMLElement} element the dialog */
  constructor(element) {
    this.dialog = /** @type {HTMLDialogElement} */ (element);
    this.place = find(element, "[data-guests-place]");
    this.line = find(element, "[data-guests-line]");
    document.addEventListener("click", (event) => this.pressed(event));
    element.addEventListener("submit", (event) => void this.submitted(/** @type {SubmitEvent} */ (event)));
    // somebody has come or gone: what the dialog says would be old
    document.addEventListener("guests-changed", () => {
      const busy = this.place.querySelector("[data-guest-link]") ?? (this.place.contains(document.activeElement) ? this.place : null);
      if (this.dialog.open && !busy) void this.load();
    });
  }

  /** @param {Event} event */
  pressed(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-action]") : null;
    const action = button instanceof HTMLElement ? button.dataset.action : "";
    if (action === "guests") {
      this.place.replaceChildren();
      this.dialog.showModal();
      void this.load();
    } else if (action === "guests-close") this.dialog.close();
    else if (action === "copy-guest-link" && button instanceof HTMLElement) void this.copy(button);
  }

  load() {
    const visit = this.dialog.closest("[data-visit]")?.getAttribute("data-visit") ?? "";
    return this.fetch((this.dialog.dataset.address ?? "").replace("VISIT", encodeURIComponent(visit)));
  }

  /** @param {SubmitEvent} event */
  async submitted(event) {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.matches("[data-guests-form]")) return;
    event.preventDefault();
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(form, event.submitter)) body.append(name, String(value));
    await this.fetch(form.action, { method: "POST", body });
    // the pressed button is gone; whoever works by keyboard goes on at what it has brought
    // never at a button that ends somebody's part
    const next = this.place.querySelector("[data-guest-link]") ?? this.place.querySelector("[type=radio]:checked");
    if (next instanceof HTMLElement) next.focus();
    else find(this.dialog, '[data-action="guests-close"]').focus();
  }

  /**
   * @param {string} address
   * @param {RequestInit} [options]
   */
  async fetch(address, options) {
    this.line.textContent = "";
    try {
      const answer = await fetch(address, { ...options, headers: { Accept: "text/html" } });
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      const part = parsed.querySelector("[data-guests-page]");
      if (!answer.ok || !part) throw new Error(`the page of invitations answered ${answer.status}`);
      this.place.replaceChildren(document.importNode(part, true));
    } catch (error) {
      console.error("invitations not shown", error);
      this.line.textContent = this.dialog.dataset.textFailed ?? "";
    }
  }

  /** @param {HTMLElement} button */
  async copy(button) {
    const field = /** @type {HTMLInputElement} */ (find(this.place, "[data-guest-link]"));
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      this.line.textContent = button.dataset.textCopied ?? "";
    } catch (error) {
      console.info("not copied", error); // the text is selected: the keyboard's copy works
    }
  }
}
