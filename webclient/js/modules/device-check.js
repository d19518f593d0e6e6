// The check before the waiting room: the picture, the microphone's level, and plain help for each thing that fails.
import { alreadyAllowed, closeDevices, openDevices } from "../lib/devices.js";
import { unlockSound, watchLevel } from "../lib/sound.js";
import { find } from "./clock-view.js";
import { deviceHelp } from "./device-help.js";

/** @typedef {import("../lib/devices.js").Devices} Devices */
/** @typedef {import("../lib/devices.js").DeviceState} DeviceState */

export class DeviceCheck {
  /**
   * @param {HTMLElement} section the check's part of the page
   * @param {(devices: Devices) => void} opened told of every change
   */
  constructor(section, opened) {
    this.section = section;
    this.opened = opened;
    this.openButton = find(section, '[data-action="open-devices"]');
    this.readyButton = find(section, "[data-ready-button]");
    this.withoutCamera = find(section, '[data-without="camera"]');
    this.withoutBoth = find(section, '[data-without="both"]');
    this.preview = /** @type {HTMLVideoElement} */ (find(section, "[data-preview]"));
    /** @type {Devices} */
    this.devices = { stream: null, camera: "off", microphone: "off" };
    this.stopLevel = () => {};
    this.readyButton.hidden = true;
    this.openButton.addEventListener("click", () => {
      unlockSound();
      void this.open();
    });
  }

  /** Opens them at once where the browser will not ask, or has none to give: then what is left to do is shown at once. */
  async openIfAllowed() {
    if (!navigator.mediaDevices || (await alreadyAllowed())) await this.open();
  }

  /** @param {{ camera?: boolean, microphone?: boolean }} [wanted] */
  async open(wanted = {}) {
    if (this.openButton instanceof HTMLButtonElement) this.openButton.disabled = true;
    closeDevices(this.devices.stream);
    this.devices = await openDevices(wanted);
    if (this.openButton instanceof HTMLButtonElement) this.openButton.disabled = false;
    this.render();
    this.opened(this.devices);
    return this.devices;
  }

  render() {
    const { stream, camera, microphone } = this.devices;
    this.device("camera", camera);
    this.device("microphone", microphone);
    this.preview.srcObject = stream;
    find(this.section, "[data-preview-words]").hidden = camera === "on";
    find(this.section, "[data-say-something]").hidden = microphone !== "on";
    this.level(microphone === "on" ? stream : null);
    this.help(problem(camera) ? camera : microphone);

    const all = camera === "on" && microphone === "on";
    const none = stream === null;
    find(this.section, "[data-ask]").hidden = !none || problem(camera);
    this.openButton.hidden = all;
    this.openButton.classList.toggle("button-primary", none);
    this.openButton.textContent = this.openButton.dataset.textAgain ?? "";
    this.readyButton.hidden = none || camera !== "on";
    this.withoutCamera.hidden = none && problem(microphone);
    this.withoutCamera.classList.toggle("button-quiet", microphone !== "on" || camera === "on");
    this.withoutCamera.classList.toggle("button-primary", microphone === "on" && camera !== "on");
    this.withoutBoth.hidden = !(none && problem(microphone));
  }

  /**
   * @param {"camera" | "microphone"} kind
   * @param {DeviceState} state
   */
  device(kind, state) {
    const words = find(this.section, `[data-device="${kind}"] [data-device-state]`);
    const name = problem(state) ? "problem" : state;
    words.textContent = words.getAttribute(`data-text-${name}`);
    words.className = `state state-${state === "on" ? "good" : problem(state) ? "soon" : "neutral"}`;
  }

  /** @param {DeviceState} reason */
  help(reason) {
    const place = find(this.section, "[data-help]");
    // the words about another app stand above the check, with the link to take along
    const said = reason === "insecure" && this.section.querySelector("[data-module=in-app]:not([hidden])");
    const template = said ? null : this.section.querySelector(`template[data-help-for="${reason}"]`);
    place.replaceChildren(...(template instanceof HTMLTemplateElement ? [template.content.cloneNode(true)] : []));
    const words = place.querySelector("p:not(.notice-title)");
    if (words && reason === "denied") words.textContent = deviceHelp(reason) || words.textContent;
  }

  /** @param {MediaStream | null} stream */
  level(stream) {
    this.stopLevel();
    const meter = this.section.querySelector("[data-level]");
    const bars = [...(meter?.querySelectorAll("rect") ?? [])];
    meter?.toggleAttribute("hidden", stream === null);
    if (!stream) return;
    this.stopLevel = watchLevel(stream, (level) => {
      bars.forEach((bar, index) => bar.classList.toggle("on", level * bars.length > index + 0.5));
    });
  }

  /** The check is over; the stream goes on in the call. */
  done() {
    this.preview.srcObject = null; // a hidden picture is drawn all the same
    this.stopLevel();
    this.stopLevel = () => {};
  }
}

/** @param {DeviceState} state */
function problem(state) {
  return state !== "on" && state !== "off";
}
