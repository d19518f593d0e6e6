// The page of a visit that is booked: who is early sees the way in appear by itself, also after the phone has slept.
const EVERY_MS = 15_000;

export default class Booked {
  /** @param {HTMLElement} element #booked */
  constructor(element) {
    this.opens = Date.parse(element.dataset.opens ?? "");
    this.ahead = Date.parse(element.dataset.now ?? "") - Date.now();
    if (element.dataset.when !== "early") return;
    setInterval(() => this.look(), EVERY_MS);
    document.addEventListener("visibilitychange", () => this.look());
  }

  look() {
    if (!document.hidden && Date.now() + this.ahead >= this.opens) location.reload();
  }
}
