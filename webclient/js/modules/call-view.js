// The call on the page: both pictures, the words in their place, mute and camera. The patient's and the therapist's page
// use the same one. What happens in the call is lib/call.js; this only shows it.
import { openDevices } from "../lib/devices.js";
import { stageWords } from "../lib/words.js";
import { ClockView, find } from "./clock-view.js";
import { AFTER_PICTURE_MS } from "./live-page.js";
import { SafetyView } from "./safety-view.js";

/** @typedef {import("../lib/call.js").Call} Call */
/** @typedef {import("../lib/devices.js").Devices} Devices */
/** @typedef {import("../lib/page.js").TabMemory<{ muted: boolean, cameraOff: boolean, devices: string }>} Memory */

const SETTLED_MS = 1500; // a call without a picture

export class CallView {
  /**
   * @param {HTMLElement} element the one with [data-call]
   * @param {Call} call
   * @param {Memory} memory mute and camera, kept over a reload
   */
  constructor(element, call, memory) {
    this.element = element;
    this.call = call;
    this.memory = memory;
    this.remote = /** @type {HTMLVideoElement} */ (find(element, "#remote-video"));
    this.self = /** @type {HTMLVideoElement} */ (find(element, "#self-video"));
    this.selfBox = find(element, "[data-self]");
    this.play = find(element, "[data-play]");
    this.link = find(element, "[data-link]");
    this.clock = new ClockView(element);
    this.safety = new SafetyView(element, call.safety);
    /** @type {MediaStream | null} */
    this.stream = null;
    this.settled = false;

    call.addEventListener("state", () => this.render());
    call.addEventListener("remote", (event) => this.showRemote(/** @type {CustomEvent<MediaStream>} */ (event).detail));
    element.addEventListener("click", (event) => this.pressed(event));
    for (const sign of ["loadeddata", "resize"]) this.remote.addEventListener(sign, () => this.pictureCame());
    call.addEventListener("state", () => call.state.media === "connecting" && this.settleIn(SETTLED_MS));
    this.apply();
  }

  /**
   * The camera and microphone to send. The call may run without (null).
   * @param {MediaStream | null} stream
   */
  setStream(stream) {
    this.stream = stream;
    if (this.settled) this.self.srcObject = stream;
    this.call.setLocalStream(stream);
    this.apply();
  }

  /** @param {Event} event */
  pressed(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-action]") : null;
    switch (button instanceof HTMLElement ? button.dataset.action : "") {
      case "mute":
        void this.toggleMicrophone();
        break;
      case "camera":
        void this.toggleCamera();
        break;
      case "play":
        void this.tryPlay();
        break;
      case "move-self":
        this.selfBox.dataset.corner = String((Number(this.selfBox.dataset.corner) + 1) % 3);
        break;
    }
  }

  async toggleMicrophone() {
    const muted = this.isMuted();
    if (muted && this.missing("audio") && !(await this.addDevice("microphone"))) return;
    this.memory.set({ muted: !muted });
    this.apply();
  }

  async toggleCamera() {
    const off = this.isCameraOff();
    if (off && this.missing("video") && !(await this.addDevice("camera"))) return;
    this.memory.set({ cameraOff: !off });
    this.apply();
  }

  /**
   * Opens one that the person went in without.
   * @param {"camera" | "microphone"} kind
   */
  async addDevice(kind) {
    const devices = await openDevices({ camera: kind === "camera", microphone: kind === "microphone" });
    if (!devices.stream) {
      this.clock.notice("problem", this.clock.text(this.clock.notices, `${kind}-failed`));
      return false;
    }
    const kept = this.stream?.getTracks().filter((track) => track.readyState === "live") ?? [];
    this.setStream(new MediaStream([...kept, ...devices.stream.getTracks()]));
    return true;
  }

  /** @param {"audio" | "video"} kind */
  missing(kind) {
    return !this.stream?.getTracks().some((track) => track.kind === kind && track.readyState === "live");
  }

  isMuted() {
    return this.memory.values.muted || this.missing("audio");
  }

  isCameraOff() {
    return this.memory.values.cameraOff || this.missing("video");
  }

  /** Mute and camera, to the call and to the page. */
  apply() {
    const muted = this.isMuted();
    const cameraOff = this.isCameraOff();
    this.call.setMuted(muted);
    this.call.setCameraOff(cameraOff);
    this.element.dataset.muted = String(muted);
    this.element.dataset.cameraOff = String(cameraOff);
    this.side("mute", !muted);
    this.side("camera", !cameraOff);
    find(this.element, "[data-self-muted]").hidden = !muted;
  }

  /**
   * @param {string} action
   * @param {boolean} on
   */
  side(action, on) {
    for (const face of this.element.querySelectorAll(`[data-action="${action}"] [data-side]`)) {
      if (face instanceof HTMLElement) face.hidden = (face.dataset.side === "on") !== on;
    }
  }

  /** @param {MediaStream} stream */
  showRemote(stream) {
    if (this.remote.srcObject !== stream) this.remote.srcObject = stream;
    void this.tryPlay();
  }

  /** Sound needs a person's press in some browsers: then one big button says so. */
  async tryPlay() {
    try {
      await this.remote.play();
      this.play.hidden = true;
    } catch (error) {
      // AbortError: a newer stream took its place, whose own attempt follows
      if (error instanceof DOMException && error.name === "NotAllowedError") this.play.hidden = false;
    }
  }

  /**
   * The person's own picture, when the other side's is there or is long in coming: not before, for each player costs.
   * @param {number} ms
   */
  settleIn(ms) {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.settled = true;
      if (this.self.srcObject !== this.stream) this.self.srcObject = this.stream;
    }, ms);
  }

  pictureCame() {
    if (!this.settled) this.settleIn(AFTER_PICTURE_MS);
    this.element.dataset.picture = this.remote.videoWidth > 0 ? "yes" : "no";
    this.render();
  }

  render() {
    const state = this.call.state;
    this.element.dataset.mediaState = state.media;
    this.element.dataset.path = state.path ?? "";
    const words = stageWords(state, this.element.dataset.picture === "yes");
    if (this.element.dataset.words !== words) {
      this.element.dataset.words = words;
      for (const line of this.element.querySelectorAll("[data-when]")) {
        if (line instanceof HTMLElement) line.hidden = line.dataset.when !== words;
      }
    }
    find(this.element, "[data-peer-muted]").hidden = !(state.media === "connected" && state.peer.muted);
    this.renderLink(state.media, state.path);
  }

  /**
   * @param {string} media
   * @param {string | null} path
   */
  renderLink(media, path) {
    const text = (/** @type {string} */ name) => this.link.getAttribute(`data-text-${name}`) ?? "";
    const words = media === "idle" ? text("connecting") : text(media);
    // the path is for the therapist; the patient's template has no words for it
    const way = path && media === "connected" ? text(path) : "";
    this.link.textContent = way ? `${words}, ${way}` : words;
    this.link.classList.toggle("state-good", media === "connected");
    this.link.classList.toggle("state-soon", media === "reconnecting");
    this.link.classList.toggle("state-neutral", media !== "connected" && media !== "reconnecting");
  }

  /** An ended call: nothing of it stays on the page. */
  clear() {
    clearTimeout(this.settling);
    this.settled = false;
    this.remote.srcObject = this.self.srcObject = null;
    this.element.dataset.picture = "no";
    this.clock.notices.replaceChildren();
    this.safety.forget();
    this.render();
  }
}
