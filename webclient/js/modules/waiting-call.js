// "Your therapist is here": tone, vibration and, where the person has wished for it, a notification, again and again until
// somebody presses something or the therapist is heard. And the notification's button: a browser is asked only by a press.
import { RING_MS, ringsOn } from "../lib/call-ring.js";
import { playTone, soundAllowed, unlockByPress, unlockSound } from "../lib/sound.js";
import { find } from "./clock-view.js";

const PATTERN = [200, 100, 200, 100, 400];

export class WaitingCall {
  /**
   * @param {HTMLElement} element the section of the waiting room
   * @param {() => boolean} heard whether the therapist's sound plays
   */
  constructor(element, heard) {
    this.heard = heard;
    this.box = find(element, "[data-notify]");
    this.words = find(element, "[data-notify-words]");
    /** @type {Notification | null} */
    this.notification = null;
    this.box.hidden = !("Notification" in globalThis) || Notification.permission !== "default";
    find(this.box, '[data-action="notify"]').addEventListener("click", () => void this.ask());
    // any press lets the tone play later; the waiting room may have been opened by a reload, without one
    const silent = find(element, "[data-silent]");
    unlockByPress(document, () => this.soundCame(silent));
    void unlockSound().then(() => (silent.hidden = soundAllowed()), () => undefined); // some browsers allow it at once
    silent.hidden = soundAllowed() || !("AudioContext" in globalThis);
    for (const kind of ["click", "keydown"]) document.addEventListener(kind, () => this.stop());
    document.addEventListener("visibilitychange", () => document.hidden || this.stop());
  }

  /** @param {HTMLElement} silent the button that asked for a press */
  soundCame(silent) {
    const pressed = silent.contains(document.activeElement);
    silent.hidden = true;
    if (pressed) playTone(); // that is how it will sound
    if (pressed) this.words.closest("section")?.querySelector("h1")?.focus({ preventScroll: true });
  }

  async ask() {
    void unlockSound();
    const answer = await Notification.requestPermission().catch(() => "denied");
    find(this.box, "button").hidden = true;
    this.words.hidden = false;
    this.words.textContent = this.words.getAttribute(answer === "granted" ? "data-text-granted" : "data-text-denied");
  }

  ring() {
    playTone();
    navigator.vibrate?.(PATTERN);
    this.stop();
    if (document.hidden) this.notify();
    const began = Date.now();
    this.ringing = setInterval(() => {
      if (!ringsOn({ sinceMs: Date.now() - began, hidden: document.hidden, heard: this.heard() })) return this.stop();
      playTone();
      navigator.vibrate?.(PATTERN);
    }, RING_MS);
  }

  stop() {
    clearInterval(this.ringing);
    this.notification?.close();
    this.notification = null;
  }

  notify() {
    if (!("Notification" in globalThis) || Notification.permission !== "granted") return;
    try {
      // nothing personal: it may stand on a locked screen
      const title = this.words.getAttribute("data-text-title") ?? "";
      const body = this.words.getAttribute("data-text-body") ?? "";
      this.notification = new Notification(title, { body, tag: "visit", requireInteraction: true });
      this.notification.addEventListener("click", () => {
        window.focus();
        this.stop();
      });
    } catch {
      // Android shows them from a service worker alone: the tone and the vibration come all the same
    }
  }
}
