// "Continue by phone": one question, then both pages say who calls whom. Cameras and microphones are off as long as it lasts.
import { fill } from "../lib/words.js";
import { keepFocus } from "./call-focus.js";
import { find } from "./clock-view.js";

/** @typedef {import("./call-view.js").CallView} CallView */

export class CallPhone {
  /** The two go on by phone. */
  on = false;
  /** What this person has asked for and the service has not said yet. @type {boolean | null} */
  wanted = null;

  /**
   * @param {CallView} view
   * @param {import("../lib/page-socket.js").PageSocket} socket
   */
  constructor(view, socket) {
    this.view = view;
    this.socket = socket;
    this.dialog = /** @type {HTMLDialogElement} */ (find(view.element, "[data-phone-dialog]"));
    this.panel = find(view.element, "[data-phone]");
    view.element.addEventListener("click", (event) => this.pressed(event));
    socket.addEventListener("message", (event) => this.heard(/** @type {CustomEvent} */ (event).detail));
  }

  /** @param {Event} event */
  pressed(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-action]") : null;
    switch (button instanceof HTMLElement ? button.dataset.action : "") {
      case "ask-phone":
        this.dialog.showModal();
        break;
      case "phone-no":
        this.dialog.close();
        break;
      case "phone-yes":
        this.dialog.close();
        this.ask(true);
        break;
      case "phone-back":
        this.ask(false);
        break;
    }
  }

  /** @param {boolean} on */
  ask(on) {
    this.wanted = on;
    this.socket.send({ type: "phone", on });
  }

  /** @param {any} message a server message */
  heard(message) {
    if (message.type === "call") {
      if (message.phone === this.wanted) this.wanted = null;
      // it was asked for while there was no connection
      if (this.wanted !== null && message.phase === "in_session") this.socket.send({ type: "phone", on: this.wanted });
      this.set(message.phone === true);
    } else if (message.type === "ended") {
      this.wanted = null;
      this.dialog.close();
      this.set(false, false); // a visit that ended by phone stays one in the note
    } else if (message.type === "refused" && message.about === "phone") {
      this.wanted = null;
      this.view.clock.notice("problem", this.panel.dataset.textFailed ?? "");
    } else if (message.type === "snapshot" && message.data?.phone_end) {
      this.number(message.data.phone_end);
    }
  }

  /**
   * @param {boolean} on
   * @param {boolean} [note] the note follows
   */
  set(on, note = true) {
    if (this.on === on) return;
    this.on = on;
    const inside = this.panel.contains(document.activeElement);
    this.panel.hidden = !on;
    if (inside && !on) keepFocus(this.view);
    this.view.element.dataset.byPhone = on ? "yes" : "no";
    const mute = find(this.view.element, '.call-controls [data-action="mute"]');
    if (mute instanceof HTMLButtonElement) mute.disabled = on; // the camera's: see CallQuality
    for (const button of this.view.element.querySelectorAll('[data-action="ask-phone"], .more-action[data-action="sound-only"]')) {
      if (button instanceof HTMLElement) button.hidden = on;
    }
    if (on) {
      this.view.share.stop();
      this.view.chat.show(false, false); // on a phone it would cover what has to be read now
    }
    this.view.apply();
    if (note) this.tellNote(on);
  }

  /** @param {string} end the last digits of the number that will ring */
  number(end) {
    const words = this.panel.querySelector("[data-phone-number]");
    if (words instanceof HTMLElement) words.textContent = fill(words.dataset.text ?? "", { end });
  }

  /**
   * The note says how they met. Only an answer that nobody has changed by hand follows.
   * @param {boolean} on
   */
  tellNote(on) {
    const [from, to] = on ? ["video", "phone_fallback"] : ["phone_fallback", "video"];
    const option = (/** @type {string} */ value) => document.querySelector(`#note input[name="A1"][value="${value}"]`);
    const before = option(from);
    const after = option(to);
    if (!(before instanceof HTMLInputElement) || !(after instanceof HTMLInputElement) || !before.checked) return;
    after.checked = true;
    for (const sign of ["input", "change"]) after.dispatchEvent(new Event(sign, { bubbles: true }));
  }
}
