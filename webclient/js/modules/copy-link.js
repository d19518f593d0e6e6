// A link in a field, and a button that copies it and says so.

export default class CopyLink {
  /** @param {HTMLElement} element */
  constructor(element) {
    const field = /** @type {HTMLInputElement} */ (element.querySelector("input"));
    const button = /** @type {HTMLElement} */ (element.querySelector("[data-copy]"));
    field.addEventListener("focus", () => field.select());
    button.addEventListener("click", () => {
      field.select();
      navigator.clipboard
        .writeText(field.value)
        .then(() => {
          button.textContent = button.dataset.textCopied ?? "";
        })
        .catch(() => undefined); // it is selected: the person copies it
    });
  }
}
