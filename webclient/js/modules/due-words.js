// "in 25 minutes", kept right while the page stands. The server's clock counts: the page was told its time once.
const EVERY_MS = 15_000;
const MINUTE_MS = 60_000;

export default class DueWords {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.line = /** @type {HTMLElement} */ (element.querySelector("[data-due-words]"));
    this.due = Date.parse(element.dataset.due ?? "");
    this.ahead = Date.parse(element.dataset.now ?? "") - performance.now();
    setInterval(() => this.write(), EVERY_MS);
  }

  write() {
    const minutes = Math.round((this.due - (performance.now() + this.ahead)) / MINUTE_MS);
    const words = this.words(minutes);
    const text = words ? `, ${words}` : "";
    if (this.line.textContent !== text) this.line.textContent = text;
  }

  /**
   * As server/visit/arrival.py says it.
   * @param {number} minutes
   */
  words(minutes) {
    const { textMinute, textMinutes, textHour, textHours, textAgo } = this.element.dataset;
    /** @param {string | undefined} text @param {number} n */
    const say = (text, n) => (text ?? "").replace("{n}", String(n));
    if (minutes >= 60) {
      const hours = Math.round(minutes / 60);
      return hours >= 24 ? "" : say(hours === 1 ? textHour : textHours, hours);
    }
    if (minutes > 0) return say(minutes === 1 ? textMinute : textMinutes, minutes);
    return minutes < -1 && minutes > -60 ? say(textAgo, -minutes) : "";
  }
}
