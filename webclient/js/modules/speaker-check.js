// The loudspeaker's step of the check: a tone, "Did you hear it?", and plain help when not.
import { browserFamily } from "../lib/browser.js";
import { settings } from "../lib/call-settings.js";
import { ofKind } from "../lib/device-list.js";
import { playTestTone } from "../lib/test-tone.js";
import { fill } from "../lib/words.js";
import { find } from "./clock-view.js";

/** @type {Record<string, string>} */
const KINDS = { good: "good", bad: "soon" };

export default class SpeakerCheck {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.play = /** @type {HTMLButtonElement} */ (find(element, '[data-action="play"]'));
    this.question = find(element, "[data-heard]");
    this.help = find(element, "[data-speaker-help]");
    this.output = find(element, "[data-output]");
    this.select = /** @type {HTMLSelectElement} */ (find(element, "select"));
    this.play.addEventListener("click", () => void this.sound());
    find(element, '[data-action="heard"]').addEventListener("click", () => this.answered(true));
    find(element, '[data-action="not-heard"]').addEventListener("click", () => void this.answered(false));
    this.select.addEventListener("change", () => settings.set({ speaker: this.select.value }));
  }

  async sound() {
    if (this.element.dataset.state === "playing") return;
    this.show("playing");
    this.help.replaceChildren();
    const played = await playTestTone(settings.values.speaker);
    this.play.textContent = this.play.dataset.textAgain ?? "";
    if (!played) {
      this.question.hidden = true;
      void this.answered(false);
      return;
    }
    this.show("asked");
    this.question.hidden = false;
    this.help.textContent = find(this.question, "p").textContent; // said aloud; the eye sees it beside the buttons
    this.help.classList.add("visually-hidden");
  }

  /** @param {boolean} heard */
  async answered(heard) {
    const inside = this.question.contains(document.activeElement);
    this.question.hidden = true;
    if (inside) this.play.focus();
    this.help.classList.remove("visually-hidden");
    this.help.replaceChildren(...(heard ? [] : [this.words()]));
    this.show(heard ? "good" : "bad");
    this.output.hidden = true;
    if (!heard) await this.offerOutputs();
  }

  words() {
    const family = browserFamily(navigator.userAgent, navigator.maxTouchPoints);
    const template = this.element.querySelector(`template[data-no-sound][data-browser="${family}"]`) ?? this.element.querySelector("template[data-no-sound]");
    return /** @type {HTMLTemplateElement} */ (template).content.cloneNode(true);
  }

  /** Where the browser lets a page choose, and there is a choice. */
  async offerOutputs() {
    if (!("setSinkId" in HTMLMediaElement.prototype)) return;
    const found = ofKind((await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [], "speaker");
    if (found.length < 2) return;
    const used = settings.values.speaker || found[0]?.deviceId;
    this.select.replaceChildren(
      ...found.map((device, at) => {
        const name = device.label || fill(this.select.dataset.textUnnamed ?? "", { n: at + 1 });
        return new Option(name, device.deviceId, false, device.deviceId === used);
      }),
    );
    this.output.hidden = false;
  }

  /** @param {"playing" | "asked" | "good" | "bad"} state */
  show(state) {
    this.element.dataset.state = state;
    this.play.toggleAttribute("aria-disabled", state === "playing");
    const words = find(this.element, "[data-speaker-state]");
    words.textContent = words.getAttribute(`data-text-${state}`);
    words.className = `state state-${KINDS[state] ?? "neutral"}`;
  }
}
