// The check before the waiting room: the picture, the microphone's level, and plain help for each thing that fails.
import { browserFamily } from "../lib/browser.js";
import { alreadyAllowed, closeDevices, openDevices } from "../lib/devices.js";
import { unlockSound, watchLevel } from "../lib/sound.js";
import { fill } from "../lib/words.js";
import { find } from "./clock-view.js";

/** @typedef {import("../lib/devices.js").Devices} Devices */
/** @typedef {import("../lib/devices.js").DeviceState} DeviceState */

/** A voice at arm's length; a quiet room stays below it. */
const LOUD = 0.4;
/** Tenths of a second. */
const LOUD_TIMES = 5;
const SILENT_MS = 12_000;

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
    this.level(microphone === "on" ? stream : null);
    this.help();

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

  /** One notice for both, or one each when their reasons differ. */
  help() {
    const { camera, microphone } = this.devices;
    const notices =
      camera === microphone ? [this.notice(camera)] : [this.notice(camera, "camera"), this.notice(microphone, "microphone")];
    find(this.section, "[data-help]").replaceChildren(...notices.filter((notice) => notice !== null));
  }

  /**
   * @param {DeviceState} reason
   * @param {"camera" | "microphone"} [kind] it is about this one alone
   */
  notice(reason, kind) {
    // the words about another app stand above the check, with the link to take along
    if (reason === "insecure" && this.section.querySelector("[data-module=in-app]:not([hidden])")) return null;
    const family = browserFamily(navigator.userAgent, navigator.maxTouchPoints);
    const words = (/** @type {string} */ which) => this.section.querySelector(`template[data-help-for="${reason}"]${which}`);
    const template = words(`[data-browser="${family}"]`) ?? words(":not([data-browser])");
    if (!(template instanceof HTMLTemplateElement)) return null;
    const notice = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    const title = notice.querySelector(".notice-title");
    if (kind && title) {
      const device = find(this.section, `[data-device="${kind}"] .check-name`).textContent ?? "";
      title.textContent = fill(find(this.section, "[data-help]").dataset.textAbout ?? "", { device, what: template.dataset.titleOne ?? "" });
    }
    return notice;
  }

  /** @param {MediaStream | null} stream */
  level(stream) {
    this.stopLevel();
    const meter = this.section.querySelector("[data-level]");
    const bars = [...(meter?.querySelectorAll("rect") ?? [])];
    meter?.toggleAttribute("hidden", stream === null);
    const words = find(this.section, "[data-say-something]");
    words.hidden = stream === null;
    words.textContent = words.dataset.textSay ?? "";
    if (!stream) return;
    let loud = 0;
    const silent = setTimeout(() => loud < LOUD_TIMES && (words.textContent = words.dataset.textSilent ?? ""), SILENT_MS);
    const stop = watchLevel(stream, (level) => {
      bars.forEach((bar, index) => bar.classList.toggle("on", level * bars.length > index + 0.5));
      loud += Number(level > LOUD);
      if (loud === LOUD_TIMES) words.textContent = words.dataset.textHeard ?? "";
    });
    this.stopLevel = () => {
      clearTimeout(silent);
      stop();
    };
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
