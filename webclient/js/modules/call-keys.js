// Single keys for the call's controls. They do what the control does, and only while it can be seen.
import { settings } from "../lib/call-settings.js";
import { shortcutOf } from "../lib/shortcuts.js";

export class CallKeys {
  /** @param {HTMLElement} element the one with [data-call] */
  constructor(element) {
    this.element = element;
    document.addEventListener("keydown", (event) => this.pressed(event));
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (!settings.values.shortcuts || !this.element.checkVisibility?.() || document.querySelector("dialog[open]")) return;
    const action = shortcutOf(event, document.activeElement instanceof HTMLElement ? document.activeElement : null);
    const control = action && this.element.querySelector(`button[data-action="${action}"]`);
    if (!(control instanceof HTMLButtonElement) || control.hidden) return;
    event.preventDefault();
    control.click();
  }
}
