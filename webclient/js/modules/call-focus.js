// Where the keyboard goes on in the call when what it was on has gone.
import { find } from "./clock-view.js";

/** @param {{ element: HTMLElement }} view the call's */
export function keepFocus(view) {
  find(view.element, '.call-controls [data-action="more"]').focus();
}
