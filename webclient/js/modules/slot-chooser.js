// Other times at once when the day, the person or the language changes; without a script the button "Show times" loads the page.

export default class SlotChooser {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.form = /** @type {HTMLFormElement} */ (element.closest("form"));
    this.asked = 0;
    this.form.addEventListener("change", (event) => {
      if (event.target instanceof Element && event.target.matches("#who, #day, [name=language], [name=interpreter]")) void this.show();
    });
    // there to be pressed again after a failure; a page that is loaded without a connection would lose the form
    element.querySelector(".chooser-show")?.addEventListener("click", (event) => {
      event.preventDefault();
      void this.show(this.element.hasAttribute("data-failed"));
    });
    element.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("button[data-day]") : null;
      if (!(button instanceof HTMLElement)) return;
      event.preventDefault();
      /** @type {HTMLInputElement} */ (element.querySelector("#day")).value = button.dataset.day ?? "";
      void this.show(true);
    });
  }

  /** @param {boolean} [focus] the pressed button is about to go */
  async show(focus = false) {
    const asked = (this.asked += 1);
    const place = /** @type {HTMLElement} */ (this.element.querySelector("[data-slots]"));
    const line = /** @type {HTMLElement} */ (this.element.querySelector("[data-slots-failed]"));
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(this.form)) body.append(name, String(value));
    body.set("show", "1");
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(this.form.action, { method: "POST", body, headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-slots]");
      if (asked !== this.asked) return; // a newer question is on its way
      if (!answer.ok || !fresh) throw new Error("no times");
      place.replaceChildren(...fresh.childNodes);
      line.hidden = true;
      this.element.removeAttribute("data-failed");
      /** @type {HTMLElement} */ (this.element.querySelector("[data-slots-said]")).textContent = /** @type {HTMLElement} */ (fresh).dataset.said ?? "";
      if (focus) /** @type {HTMLElement | null} */ (place.querySelector("#slot"))?.focus();
    } catch {
      if (asked !== this.asked) return;
      line.textContent = this.element.dataset.textFailed ?? "";
      line.hidden = false;
      this.element.setAttribute("data-failed", "");
    } finally {
      if (asked === this.asked) place.removeAttribute("aria-busy");
    }
  }
}
