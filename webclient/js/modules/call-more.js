// The call's "More": which camera, microphone and loudspeaker, one's own picture, a small window, the keys. All of it is kept
// over a reload.
import { canTurnRound, ofKind } from "../lib/device-list.js";
import { settings } from "../lib/call-settings.js";
import { fill } from "../lib/words.js";
import { find } from "./clock-view.js";

/** @typedef {import("./call-view.js").CallView} CallView */
/** @typedef {import("../lib/device-list.js").DeviceKind} DeviceKind */

export class CallMore {
  /** @param {CallView} view */
  constructor(view) {
    this.view = view;
    this.own = view.devices.own;
    this.dialog = /** @type {HTMLDialogElement} */ (find(view.element, "[data-more-dialog]"));
    this.own.addEventListener("list", () => this.dialog.open && void this.fillLists());
    this.own.addEventListener("change", () => this.dialog.open && void this.fillLists());
    view.element.addEventListener("click", (event) => this.pressed(event));
    this.dialog.addEventListener("change", (event) => void this.chosen(event));
    for (const sign of ["enterpictureinpicture", "leavepictureinpicture"]) {
      view.remote.addEventListener(sign, () => view.side("pip", document.pictureInPictureElement !== view.remote));
    }
    for (const part of this.dialog.querySelectorAll('[data-action="pip"], [data-pip-part]')) {
      part.toggleAttribute("hidden", !document.pictureInPictureEnabled);
    }
    view.element.addEventListener("guests-changed", () => void this.useSpeaker());
    this.showSettings();
    void this.useSpeaker();
  }

  /** @param {Event} event */
  pressed(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-action], [data-guide-choice]") : null;
    const action = button instanceof HTMLElement ? (button.dataset.action ?? "") : "";
    if (action === "more") this.open();
    else if (action === "pip") void this.togglePip();
    else if (action === "turn-round") void this.turnRound();
    // each of these is done with one press; the call is behind it
    if (button && this.dialog.contains(button)) this.dialog.close();
  }

  open() {
    void this.fillLists();
    this.dialog.showModal();
  }

  /** The call is over. */
  close() {
    this.dialog.close();
    if (document.pictureInPictureElement === this.view.remote) void document.exitPictureInPicture().catch(() => undefined);
  }

  async fillLists() {
    const devices = await this.own.list();
    for (const kind of /** @type {const} */ (["camera", "microphone", "speaker"])) {
      const box = find(this.dialog, `[data-chooser="${kind}"]`);
      const select = /** @type {HTMLSelectElement} */ (find(box, "select"));
      const found = ofKind(devices, kind);
      const used = kind === "speaker" ? settings.values.speaker || found[0]?.deviceId : this.own.track(kind)?.getSettings().deviceId;
      const works = kind === "speaker" ? true : this.own.works(kind);
      const options = found.map((device, at) => {
        const name = device.label || fill(select.dataset.textUnnamed ?? "", { n: at + 1 });
        return new Option(name, device.deviceId, false, works && device.deviceId === used);
      });
      // nothing is in use: the list must not look as if its first line were
      if (kind !== "speaker" && !works) options.unshift(new Option(select.dataset.textNone ?? "", "", false, true));
      select.replaceChildren(...options);
      select.disabled = options.length === 0;
      box.hidden = kind === "speaker" ? !("setSinkId" in this.view.remote) || found.length === 0 : false;
    }
    this.offerTurn(devices);
  }

  /** @param {import("../lib/device-list.js").Device[]} devices */
  offerTurn(devices) {
    const track = this.own.works("camera") ? this.own.track("camera") : null;
    const facingModes = track?.getCapabilities?.().facingMode ?? [];
    const touch = matchMedia("(pointer: coarse)").matches;
    find(this.dialog, '[data-action="turn-round"]').hidden = !track || !canTurnRound({ touch, devices, facingModes });
  }

  /** @param {Event} event */
  async chosen(event) {
    const field = event.target;
    if (field instanceof HTMLInputElement && (field.name === "mirror" || field.name === "shortcuts")) {
      settings.set({ [field.name]: field.checked });
      this.showSettings();
    } else if (field instanceof HTMLSelectElement) {
      const kind = field.closest("[data-chooser]")?.getAttribute("data-chooser");
      if (kind === "speaker") {
        settings.set({ speaker: field.value });
        await this.useSpeaker();
      } else if ((kind === "camera" || kind === "microphone") && field.value) {
        const state = await this.own.choose(kind, field.value);
        if (state !== "on") this.view.devices.say(kind, "failed", state);
        await this.fillLists();
      }
    }
  }

  async turnRound() {
    const state = await this.own.turnRound();
    if (state !== "on") this.view.devices.say("camera", "failed", state);
  }

  showSettings() {
    for (const name of /** @type {const} */ (["mirror", "shortcuts"])) {
      /** @type {HTMLInputElement} */ (find(this.dialog, `[name=${name}]`)).checked = settings.values[name];
    }
    this.view.showMirror();
  }

  /** A loudspeaker that has gone is no error: the browser's own takes over. */
  async useSpeaker() {
    const { remote } = this.view;
    if (!("setSinkId" in remote)) return;
    const players = [remote, ...this.view.element.querySelectorAll(".guest-tile video")];
    try {
      for (const player of players) if (player instanceof HTMLMediaElement) await player.setSinkId(settings.values.speaker);
    } catch (error) {
      console.info("loudspeaker not used", error);
      settings.set({ speaker: "" });
    }
  }

  async togglePip() {
    try {
      if (document.pictureInPictureElement) await document.exitPictureInPicture();
      else await this.view.remote.requestPictureInPicture();
    } catch (error) {
      console.info("no small window", error); // no picture yet: there is nothing to show in it
    }
  }
}
