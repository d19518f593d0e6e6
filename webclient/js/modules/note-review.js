// The last look before signing: sends the signature and goes back to the form without leaving the page.

import { dataOf, post, swapNote } from "./note-swap.js";

export default class NoteReview {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.busy = false;
    this.failed = element.querySelector("[data-failed]");
    element.addEventListener("submit", (event) => void this.sign(event));
    element.querySelector("[data-back]")?.addEventListener("click", (event) => void this.back(event));
  }

  /** @param {Event} event */
  async sign(event) {
    event.preventDefault();
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || this.busy) return;
    this.busy = true;
    this.fail(false);
    try {
      const answer = await post(form.action, dataOf(form));
      if (answer.html) await swapNote(this.element, answer.html);
      // changed or signed in another window: show what it is now
      else if (answer.status === 409) await this.reload();
      else if (answer.status < 500) location.reload(); // signed out: the page leads to the sign-in
      else this.fail(true);
    } catch {
      this.fail(true);
    } finally {
      this.busy = false;
    }
  }

  /** @param {Event} event */
  async back(event) {
    event.preventDefault();
    try {
      await this.reload();
    } catch {
      this.fail(true);
    }
  }

  async reload() {
    const answer = await fetch(this.element.dataset.formUrl ?? "", { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) throw new Error(`the note answered ${answer.status}`);
    await swapNote(this.element, await answer.text());
  }

  /** @param {boolean} failed */
  fail(failed) {
    if (this.failed instanceof HTMLElement) this.failed.hidden = !failed;
  }
}
