// The note beside the call: fetched after the first picture.
import { startModules } from "../start.js";
import { AFTER_PICTURE_MS } from "./live-page.js";

/** The note is a large page: the first pictures go before it, but it does not wait for them longer than this. */
const NOTE_MS = 2000;

export class DeskNote {
  /**
   * @param {HTMLElement} place #note
   * @param {{ visit: () => string, url: () => string, picture: HTMLVideoElement, failed: HTMLTemplateElement | null }} page
   */
  constructor(place, page) {
    this.place = place;
    this.page = page;
  }

  /** Of a visit that has just been opened. */
  loadSoon() {
    const waiting = document.createElement("p");
    waiting.className = "soft";
    waiting.textContent = this.place.dataset.textLoading ?? "";
    this.place.replaceChildren(waiting); // never the note of the visit before
    this.place.dataset.loaded = "no";
    const { picture } = this.page;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.load(), NOTE_MS);
    picture.onloadeddata = () => {
      picture.onloadeddata = null;
      if (this.place.dataset.loaded === "yes") return;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.load(), AFTER_PICTURE_MS);
    };
  }

  async load() {
    clearTimeout(this.timer);
    const visit = this.page.visit();
    if (!visit) return;
    try {
      const answer = await fetch(this.page.url(), { headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error(`the note answered ${answer.status}`);
      const html = await answer.text();
      if (this.page.visit() !== visit) return;
      const template = document.createElement("template");
      template.innerHTML = html;
      this.place.replaceChildren(template.content);
      this.place.dataset.loaded = "yes";
      await startModules(this.place);
    } catch (error) {
      console.error("the note did not load", error);
      if (this.page.failed) this.place.replaceChildren(this.page.failed.content.cloneNode(true));
    }
  }

  /** The visit has gone back to the waiting room. */
  clear() {
    clearTimeout(this.timer);
    this.place.replaceChildren();
  }
}
