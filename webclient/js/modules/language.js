// After a change of language the same page comes back, also when a script has moved the address since it was loaded
// (the therapist's page does, when a visit opens).

export default class Language {
  /** @param {HTMLElement} element the form of the switch */
  constructor(element) {
    if (!(element instanceof HTMLFormElement)) throw new Error("a form is needed");
    element.addEventListener("submit", () => {
      const next = element.elements.namedItem("next");
      if (next instanceof HTMLInputElement) next.value = location.pathname + location.search;
    });
  }
}
