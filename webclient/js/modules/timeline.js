// A visit's page in the office stays right while it is open: what changes is fetched and put in its place.
import { find } from "./clock-view.js";

/** Asking costs the server one number when nothing is new. */
const EVERY_MS = 1000;

export default class Timeline {
  /** @param {HTMLElement} element #timeline */
  constructor(element) {
    this.element = element;
    this.place = find(element, "[data-place]");
    this.line = find(element, "[data-connection]");
    this.state = this.parts().dataset.state ?? "";
    this.asking = false;
    setInterval(() => document.hidden || void this.look(), EVERY_MS);
    document.addEventListener("visibilitychange", () => document.hidden || void this.look());
  }

  parts() {
    return find(this.place, "[data-parts]");
  }

  async look() {
    if (this.asking) return;
    this.asking = true;
    try {
      if (!(await this.renew())) return;
    } finally {
      this.asking = false;
    }
    if (this.parts().dataset.state !== this.state) this.moved();
    else this.say("");
  }

  /** @returns {Promise<boolean>} whether what stands here is what the server knows */
  async renew() {
    const url = `${this.element.dataset.events ?? ""}?version=${this.parts().dataset.version ?? ""}`;
    try {
      const answer = await fetch(url, { headers: { Accept: "text/html" }, redirect: "error" });
      if (answer.status === 403) location.reload(); // signed out: the server's page asks
      if (!answer.ok) throw new Error(String(answer.status));
      if (answer.status === 204) return true;
      // our own server's page, its values escaped by the template; scripts in it would not run
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-parts]");
      if (fresh) this.place.replaceChildren(fresh);
      return true;
    } catch {
      this.say(this.element.dataset.textOld ?? "");
      return false;
    }
  }

  /** The acts beside it are for another state now: a page that nobody types in is loaded again. */
  moved() {
    const typed = [...this.element.querySelectorAll("textarea, input:not([type=hidden])")].some(
      (field) => (field instanceof HTMLTextAreaElement || field instanceof HTMLInputElement) && field.value !== "",
    );
    if (typed || this.element.contains(document.activeElement)) this.say(this.element.dataset.textChanged ?? "");
    else location.reload();
  }

  /** @param {string} words */
  say(words) {
    this.line.hidden = !words;
    if (this.line.textContent !== words) this.line.textContent = words;
  }
}
