// The summary of a form's errors takes the focus, and its links go to the field itself, not only near it.

export default class ErrorSummary {
  /** @param {HTMLElement} element */
  constructor(element) {
    element.focus();
    element.addEventListener("click", (event) => {
      const link = event.target instanceof Element ? event.target.closest("a") : null;
      if (!link) return;
      const field = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      if (!field) return;
      event.preventDefault();
      // the label or legend first: a field without its question helps nobody
      (field.closest(".field") ?? field).scrollIntoView({ block: "start" });
      field.focus({ preventScroll: true });
    });
  }
}
