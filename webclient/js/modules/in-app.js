// A link opened inside another app, whose browser often has no camera: says so before anything is tried, and gives the link
// to take along. Joining without a camera stays possible.
import { browserFamily, insideApp } from "../lib/browser.js";
import { find } from "./clock-view.js";

export default class InApp {
  /** @param {HTMLElement} element */
  constructor(element) {
    const family = browserFamily(navigator.userAgent, navigator.maxTouchPoints);
    const inside = insideApp(navigator.userAgent);
    if (!inside && navigator.mediaDevices) return;
    const shown = [inside ? "app" : "no-camera", family.startsWith("ios") ? "ios" : family === "android" ? "android" : "other"];
    for (const words of element.querySelectorAll("[data-for]")) {
      words.toggleAttribute("hidden", !shown.includes(words.getAttribute("data-for") ?? ""));
    }
    const field = /** @type {HTMLInputElement} */ (find(element, "input"));
    field.value = location.href;
    field.addEventListener("focus", () => field.select());
    find(element, "button").addEventListener("click", () => void this.copy(field));
    this.done = find(element, "[data-copied]");
    element.hidden = false;
  }

  /** @param {HTMLInputElement} field */
  async copy(field) {
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      field.select(); // no right to the clipboard: the person copies what is marked
      if (!document.execCommand("copy")) return;
    }
    if (this.done) this.done.textContent = this.done.dataset.text ?? "";
  }
}
