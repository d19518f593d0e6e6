// The waiting room's words: which of the template's texts are true now, as server/patient/snapshot.py says.
import { playTone } from "../lib/sound.js";
import { fill } from "../lib/words.js";
import { find } from "./clock-view.js";
import { showPreview } from "./live-page.js";
import { write } from "./queue-view.js";

/** @typedef {import("../lib/devices.js").Devices} Devices */
/**
 * @typedef {object} WaitingData what a snapshot of kind "visit" says of who waits
 * @property {number | null} [place]
 * @property {number | null} [wait_min]
 * @property {number | null} [wait_max]
 * @property {number | null} [late]
 * @property {number | null} [due_in]
 * @property {string} [headline]
 * @property {string} [line]
 * @property {string} [because]
 * @property {string} [back]
 * @property {string} [staff_know]
 * @property {boolean} [nobody]
 * @property {string | null} [for_name]
 */

const AGAIN_MS = 120_000;

export class WaitingView {
  /** @param {HTMLElement} element the section of the waiting room */
  constructor(element) {
    this.element = element;
    this.card = find(element, "[data-waiting]");
    this.room = find(element, ".waiting");
  }

  /** @param {WaitingData} data */
  show(data) {
    const { place, wait_min, wait_max, late, due_in, headline = "unknown", line = "unknown" } = data;
    this.card.dataset.place = String(place ?? "");
    this.card.dataset.headline = headline;
    const placeWords = find(this.card, "[data-place-words]");
    const name = data.for_name ?? placeWords.dataset.name ?? "";
    write(placeWords, fill(text(placeWords, headline), { name, n: (headline === "late" ? late : place) ?? "" }));
    const waitWords = find(this.card, "[data-wait-words]");
    const n = (line.startsWith("early") ? due_in : place) ?? "";
    write(waitWords, fill(text(waitWords, line), { n, min: wait_min ?? "", max: wait_max ?? "" }));
    this.say("[data-why-words]", data.because ?? "");
    this.say("[data-back-words]", data.back ?? "");
    const know = find(this.element, "[data-know-words]");
    write(know, text(know, data.staff_know ?? "kept"));
    this.nobody(data.nobody === true);
  }

  /**
   * A line that is there only while it has something to say.
   * @param {string} selector
   * @param {string} key
   */
  say(selector, key) {
    const box = find(this.element, selector);
    write(box, key ? text(box, key) : "");
    box.hidden = !key;
  }

  /** @param {boolean} now whether nobody is left who could take the patient */
  nobody(now) {
    const before = this.room.dataset.nobody === "yes";
    if (before === now) return;
    this.room.dataset.nobody = now ? "yes" : "no";
    find(this.element, "[data-nobody-box]").hidden = !now;
    const again = find(this.element, "[data-again-box]");
    again.hidden = now;
    clearTimeout(this.fading);
    if (!now) this.fading = setTimeout(() => (again.hidden = true), AGAIN_MS);
    const said = find(this.element, "[data-nobody-said]");
    write(said, now ? text(said, "nobody") : (again.textContent ?? "").trim());
    playTone();
    navigator.vibrate?.(200);
  }

  /** @param {Devices} devices */
  showSelf({ stream, camera, microphone }) {
    const box = find(this.element, "[data-waiting-self]");
    const words = find(box, "[data-waiting-devices]");
    const video = /** @type {HTMLVideoElement} */ (find(box, "video"));
    box.hidden = stream === null;
    video.srcObject = stream;
    video.toggleAttribute("data-on", camera === "on");
    const which = camera === "on" ? (microphone === "on" ? "both" : "video") : "audio";
    words.textContent = words.getAttribute(`data-text-${which}`);
  }

  /** @param {MediaStream | null} stream */
  preview(stream) {
    showPreview(/** @type {HTMLVideoElement} */ (find(this.element, "[data-waiting-self] video")), stream);
  }
}

/**
 * @param {HTMLElement} element
 * @param {string} key as the server says it: "own_told" is data-text-own-told
 */
function text(element, key) {
  return element.getAttribute(`data-text-${key.replaceAll("_", "-")}`) ?? "";
}
