// How the therapist is told of who waits: a sound and desktop notifications that repeat until "Seen" or an admission, the
// badge in the tab's title. In a call only the badge: a tone would sound in the patient's ear.
import { settings } from "../lib/call-settings.js";
import { Ringing } from "../lib/ringing.js";
import { playTone, soundAllowed, unlockByPress, unlockSound } from "../lib/sound.js";
import { fill } from "../lib/words.js";
import { find } from "./clock-view.js";
import { posted } from "./live-page.js";
import { write } from "./queue-row.js";

const TICK_MS = 1000;

export class DeskAlerts {
  /** @param {HTMLElement} element #desk */
  constructor(element) {
    this.element = element;
    this.banner = find(element, "[data-ringing]");
    this.box = find(element, "[data-alerting]");
    this.ringing = new Ringing();
    /** @type {Map<string, Notification>} */
    this.notices = new Map();
    this.count = 0;
    element.addEventListener("click", (event) => this.pressed(event));
    // browsers play no sound before the first press on the page, whatever it is for
    unlockByPress(document);
    const keys = /** @type {HTMLInputElement} */ (find(this.box, "[data-desk-keys]"));
    const showKey = () => (find(element, "[data-next-key]").hidden = !keys.checked);
    keys.checked = settings.values.shortcuts;
    keys.addEventListener("change", () => {
      settings.set({ shortcuts: keys.checked });
      showKey();
    });
    showKey();
    setInterval(() => this.tick(), TICK_MS);
    this.showMeans();
  }

  /**
   * From every snapshot: a hidden tab's own timers sleep, the server's messages do not.
   * @param {import("../lib/ringing.js").Ring[]} rings
   * @param {number} count how many wait
   */
  update(rings, count) {
    const { gone } = this.ringing.update(rings, Date.now());
    for (const visit of gone) this.closeNotice(visit);
    this.count = count;
    this.tick();
    this.show();
  }

  tick() {
    const { sound, notices } = this.ringing.due(Date.now());
    if (sound) {
      playTone();
      this.element.dataset.rung = String(Number(this.element.dataset.rung ?? 0) + 1);
    }
    for (const one of notices) this.notify(one.visit);
    if (this.ringing.rings.size > 0) find(this.banner, "[data-silent]").hidden = soundAllowed();
  }

  show() {
    const rings = [...this.ringing.rings.values()];
    this.banner.hidden = rings.length === 0;
    const pattern = (rings.length === 1 ? this.banner.dataset.textOne : this.banner.dataset.textMany) ?? "";
    write(find(this.banner, "[data-ringing-words]"), rings[0] ? fill(pattern, { name: rings[0].name, n: rings.length }) : "");
    const plain = document.title.replace(/^(?:🔔 )?(?:\(\d+\) )?/u, "");
    document.title = `${rings.length > 0 ? "🔔 " : ""}${this.count > 0 ? `(${this.count}) ` : ""}${plain}`;
  }

  /** @param {Event} event */
  pressed(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-action]") : null;
    switch (button instanceof HTMLElement ? button.dataset.action : "") {
      case "seen":
        this.seen();
        break;
      case "allow-notifications":
        void Notification.requestPermission().then(() => this.showMeans());
        break;
      case "try-sound":
        void unlockSound();
        setTimeout(playTone, 100); // once the browser has allowed it
        break;
    }
  }

  seen() {
    const pressed = this.banner.contains(document.activeElement);
    const token = /** @type {HTMLInputElement} */ (document.querySelector('input[name="csrf"]')).value;
    for (const visit of this.ringing.seen(Date.now())) {
      this.closeNotice(visit);
      void posted((this.banner.dataset.seenUrl ?? "").replace("VISIT", encodeURIComponent(visit)), new URLSearchParams({ csrf: token }));
    }
    this.show();
    if (pressed) find(this.element, "#queue-title").focus();
  }

  /** No name: a notification stands where others can read it. @param {string} visit */
  notify(visit) {
    if (!("Notification" in globalThis) || Notification.permission !== "granted") return;
    this.closeNotice(visit); // the same tag again would be silent on some systems
    try {
      const options = { body: this.banner.dataset.textNoticeBody ?? "", tag: visit, renotify: true, requireInteraction: true };
      const notice = new Notification(this.banner.dataset.textNotice ?? "", /** @type {NotificationOptions} */ (options));
      notice.addEventListener("click", () => {
        globalThis.focus();
        notice.close();
      });
      this.notices.set(visit, notice);
      this.element.dataset.noticed = String(Number(this.element.dataset.noticed ?? 0) + 1);
    } catch (error) {
      console.info("no desktop notification", error); // some phones have them for service workers only
    }
  }

  /** @param {string} visit */
  closeNotice(visit) {
    this.notices.get(visit)?.close();
    this.notices.delete(visit);
  }

  showMeans() {
    const has = "Notification" in globalThis;
    const state = !has ? "none" : Notification.permission === "granted" ? "all" : Notification.permission === "denied" ? "denied" : "sound";
    const words = find(this.box, "[data-alerting-words]");
    write(words, words.getAttribute(`data-text-${state}`) ?? "");
    find(this.box, '[data-action="allow-notifications"]').hidden = state !== "sound";
  }
}
