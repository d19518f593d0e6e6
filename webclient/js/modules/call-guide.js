// The framing guide: the therapist chooses what they need to see, the patient sees an outline over their own picture and one
// plain sentence. Nobody looks at the picture but the two people.

import { keepFocus } from "./call-focus.js";

/** @typedef {import("./call-view.js").CallView} CallView */

export class CallGuide {
  /** @param {CallView} view */
  constructor(view) {
    this.view = view;
    this.guide = "";
    view.element.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("[data-guide-choice]") : null;
      if (button instanceof HTMLElement) this.choose(button.dataset.guideChoice ?? "");
    });
    if (view.element.dataset.role === "patient") view.call.addEventListener("state", () => this.show(view.call.state.peer.guide));
  }

  /** @param {string} guide "": none */
  choose(guide) {
    this.view.call.tell({ guide });
    this.show(guide);
  }

  /** @param {string} guide */
  show(guide) {
    if (guide === this.guide) return;
    this.guide = guide;
    const { element } = this.view;
    element.dataset.guide = guide;
    for (const part of element.querySelectorAll("[data-guide-of]")) {
      part.toggleAttribute("hidden", part.getAttribute("data-guide-of") !== guide);
    }
    for (const button of element.querySelectorAll("[data-guide-choice][aria-pressed]")) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-guide-choice") === guide));
    }
    const line = element.querySelector("[data-guide-line]");
    const inside = line?.contains(document.activeElement);
    line?.toggleAttribute("hidden", guide === "");
    if (inside && guide === "") keepFocus(this.view);
    this.view.say(guide ? (line?.querySelector(`[data-guide-of="${guide}"]`)?.textContent ?? "") : "");
  }
}
