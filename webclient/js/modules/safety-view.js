// The safety words on the page, behind a small button over the picture. What they are is lib/safety.js; when, safety-talk.js.
import { safetyWords } from "../lib/safety.js";
import { find } from "./clock-view.js";

/** @typedef {import("../lib/safety-talk.js").SafetyTalk} SafetyTalk */

export class SafetyView {
  /** The numbers that this person has looked at: other ones are said to be new. */
  seen = "";
  shown = "";

  /**
   * @param {HTMLElement} call the one with [data-call]
   * @param {SafetyTalk} talk
   */
  constructor(call, talk) {
    this.box = /** @type {HTMLDetailsElement} */ (find(call, "[data-safety]"));
    this.list = find(this.box, "[data-safety-words]");
    this.alert = find(call, "[data-safety-alert]");
    this.talk = talk;
    talk.addEventListener("state", () => this.render());
    this.box.addEventListener("toggle", () => this.opened());
    this.box.addEventListener("keydown", (event) => this.pressed(event));
    this.render();
  }

  /** @param {KeyboardEvent} event Escape closes it, and the focus stays where it can be opened again */
  pressed(event) {
    if (event.key !== "Escape" || !this.box.open) return;
    event.stopPropagation();
    this.box.open = false;
    this.box.querySelector("summary")?.focus();
  }

  opened() {
    if (this.box.open) this.seen = this.shown || this.seen;
    else find(this.box, "[data-safety-new]").hidden = true;
    this.label();
  }

  /** The next words are those of another call. */
  forget() {
    this.seen = "";
    this.render();
  }

  render() {
    const { phase, numbers } = this.talk.state;
    this.box.hidden = phase === "none";
    this.box.dataset.phase = phase;
    this.alert.textContent = phase === "mismatch" ? (this.alert.dataset.text ?? "") : "";
    for (const part of this.box.querySelectorAll("[data-safety-when]")) {
      if (part instanceof HTMLElement) part.hidden = !part.dataset.safetyWhen?.split(" ").includes(phase);
    }
    this.shown = numbers.join(" ");
    const fresh = this.seen !== "" && this.shown !== "" && this.shown !== this.seen;
    find(this.box, "[data-safety-new]").hidden = !fresh;
    this.list.replaceChildren(...this.items(numbers));
    this.label(fresh);
    if (this.box.open) this.opened();
    if (phase === "none") this.box.open = false;
  }

  /** @param {boolean} [fresh] words that this person has not looked at, in the place of some that they have */
  label(fresh = false) {
    const label = this.box.dataset.phase === "mismatch" ? "mismatch" : fresh ? "new" : "words";
    this.box.dataset.label = label;
    for (const words of this.box.querySelectorAll("[data-safety-label]")) {
      if (words instanceof HTMLElement) words.hidden = words.dataset.safetyLabel !== label;
    }
  }

  /** @param {number[]} numbers */
  items(numbers) {
    const words = safetyWords(numbers, this.box.dataset.language ?? "");
    return numbers.map((number, at) => {
      const item = document.createElement("li");
      const digits = document.createElement("span");
      digits.className = "numbers";
      digits.textContent = String(number);
      const word = document.createElement("strong");
      word.textContent = words[at] ?? "";
      item.append(digits, " ", word);
      return item;
    });
  }
}
