// "Your therapist is here": tone, vibration and, where the person has wished for it, a notification, again and again until
// somebody looks at the page. And the notification's button: a browser is asked only by a press.
import { playTone, unlockSound } from "../lib/sound.js";
import { find } from "./clock-view.js";

const RING_MS = 4000;
const PATTERN = [200, 100, 200, 100, 400];

export class WaitingCall {
  /** @param {HTMLElement} element the section of the waiting room */
  constructor(element) {
    this.box = find(element, "[data-notify]");
    this.words = find(element, "[data-notify-words]");
    /** @type {Notification | null} */
    this.notification = null;
    this.box.hidden = !("Notification" in globalThis) || Notification.permission !== "default";
    find(this.box, '[data-action="notify"]').addEventListener("click", () => void this.ask());
    // any press lets the tone play later; the waiting room may have been opened by a reload, without one
    document.addEventListener("pointerdown", unlockSound, { once: true });
    document.addEventListener("keydown", unlockSound, { once: true });
    document.addEventListener("visibilitychange", () => document.hidden || this.stop());
  }

  async ask() {
    unlockSound();
    const answer = await Notification.requestPermission().catch(() => "denied");
    find(this.box, "button").hidden = true;
    this.words.hidden = false;
    this.words.textContent = this.words.getAttribute(answer === "granted" ? "data-text-granted" : "data-text-denied");
  }

  ring() {
    playTone();
    navigator.vibrate?.(PATTERN);
    this.stop();
    if (!document.hidden) return;
    this.notify();
    this.ringing = setInterval(() => {
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
