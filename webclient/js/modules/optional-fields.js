// "I have nobody": the fields that it makes needless step back. They keep what was typed; the server ignores them.

export default class OptionalFields {
  /** @param {HTMLElement} element holds [data-optional-fields] and a checkbox [data-optional-switch] */
  constructor(element) {
    const box = element.querySelector("[data-optional-switch]");
    const fields = element.querySelector("[data-optional-fields]");
    if (!(box instanceof HTMLInputElement) || !(fields instanceof HTMLElement)) throw new Error("switch or fields missing");
    const show = () => {
      fields.hidden = box.checked;
    };
    box.addEventListener("change", show);
    show();
  }
}
