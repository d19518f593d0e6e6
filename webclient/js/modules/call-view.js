// The call on the page: both pictures, the words in their place, mute and camera. The patient's and the therapist's page
// use the same one. What happens in the call is lib/call.js; this only shows it.
import { settings } from "../lib/call-settings.js";
import { stageWords } from "../lib/words.js";
import { CallChat } from "./call-chat.js";
import { CallDevices } from "./call-devices.js";
import { keepFocus } from "./call-focus.js";
import { CallGuests } from "./call-guests.js";
import { CallGuide } from "./call-guide.js";
import { CallInterruption } from "./call-interruption.js";
import { CallKeys } from "./call-keys.js";
import { CallMore } from "./call-more.js";
import { CallPhone } from "./call-phone.js";
import { CallQuality } from "./call-quality.js";
import { ClockView, find } from "./clock-view.js";
import { AFTER_PICTURE_MS } from "./live-page.js";
import { SafetyView } from "./safety-view.js";
import { ScreenShare } from "./screen-share.js";

/** @typedef {import("../lib/call.js").Call} Call */
/** @typedef {import("../lib/devices.js").Devices} Devices */
/** @typedef {import("../lib/page.js").TabMemory<{ muted: boolean, cameraOff: boolean, devices: string }>} Memory */

const SETTLED_MS = 1500; // a call without a picture
const SPOKEN_MS = 5000;

export class CallView {
  /**
   * @param {HTMLElement} element the one with [data-call]
   * @param {Call} call
   * @param {Memory} memory mute and camera, kept over a reload
   * @param {import("../lib/page-socket.js").PageSocket} socket the page's own, for what goes on beside the call
   */
  constructor(element, call, memory, socket) {
    this.element = element;
    this.call = call;
    this.memory = memory;
    this.remote = /** @type {HTMLVideoElement} */ (find(element, "#remote-video"));
    this.self = /** @type {HTMLVideoElement} */ (find(element, "#self-video"));
    this.selfBox = find(element, "[data-self]");
    this.play = find(element, "[data-play]");
    this.clock = new ClockView(element);
    this.safety = new SafetyView(element, call.safety);
    /** @type {MediaStream | null} */
    this.stream = null;
    this.settled = false;
    this.devices = new CallDevices(this);
    this.more = new CallMore(this);
    this.share = new ScreenShare(this);
    this.guide = new CallGuide(this);
    this.guests = new CallGuests(element, call);
    this.interruption = new CallInterruption(this);
    this.keys = new CallKeys(element);
    this.chat = new CallChat(this, socket);
    this.phone = new CallPhone(this, socket);
    this.quality = new CallQuality(this, socket);

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
    this.devices.own.take(stream);
    this.interruption.follow();
    this.outgoing();
  }

  /** What goes out: microphone and camera, or in the camera's place the screen that is shown. */
  outgoing() {
    const screen = this.share.track;
    // In this order a camera that is off is not sent, not even for the moment in which it changes places with a screen.
    if (!screen) this.apply();
    this.call.setLocalStream(screen ? new MediaStream([...(this.stream?.getAudioTracks() ?? []), screen]) : this.stream);
    if (screen) this.apply();
    this.showSelf();
  }

  showSelf() {
    const shown = this.share.track ? new MediaStream([this.share.track]) : this.stream;
    if (this.settled && (this.share.track || this.self.srcObject !== shown)) this.self.srcObject = shown;
  }

  showMirror() {
    this.element.dataset.mirror = settings.values.mirror ? "yes" : "no";
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
        void this.tryPlay().then(() => this.guests.play());
        break;
      case "move-self":
        this.selfBox.dataset.corner = String((Number(this.selfBox.dataset.corner) + 1) % 3);
        break;
    }
  }

  async toggleMicrophone() {
    const muted = this.isMuted();
    if (muted && this.missing("audio") && !(await this.devices.turnOn("microphone"))) return;
    this.memory.set({ muted: !muted });
    this.apply();
  }

  async toggleCamera() {
    const off = this.isCameraOff();
    if (off && this.missing("video") && !(await this.devices.turnOn("camera"))) return;
    this.memory.set({ cameraOff: !off });
    this.apply();
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
    const phone = this.phone.on; // two microphones beside two telephones would echo
    this.call.setMuted(muted || phone);
    this.call.setCameraOff((cameraOff && !this.share.track) || phone || this.quality.soundOnly);
    this.element.dataset.muted = String(muted);
    this.element.dataset.cameraOff = String(cameraOff);
    this.side("mute", !muted);
    this.side("camera", !cameraOff);
    find(this.element, "[data-self-muted]").hidden = !muted;
    this.quality.apply();
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
      const inside = this.play.contains(document.activeElement);
      this.play.hidden = true;
      if (inside) keepFocus(this);
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
      this.showSelf();
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
    const stage = stageWords(state, this.element.dataset.picture === "yes");
    const words = this.quality.soundOnly && (stage === "camera-off" || stage === "") ? "sound-only" : stage;
    if (this.element.dataset.words !== words) {
      this.element.dataset.words = words;
      for (const line of this.element.querySelectorAll("[data-when]")) {
        if (line instanceof HTMLElement) line.hidden = line.dataset.when !== words;
      }
    }
    find(this.element, "[data-peer-muted]").hidden = !(state.media === "connected" && state.peer.muted);
    this.element.querySelector("[data-peer-sharing]")?.toggleAttribute("hidden", !(state.media === "connected" && state.peer.sharing));
    this.quality.render();
  }

  /**
   * For who listens to the page: blocks that come with their words in them are not read by every screen reader.
   * @param {string} words
   */
  say(words) {
    const place = find(this.element, "[data-spoken]");
    place.textContent = words.trim();
    clearTimeout(this.speaking);
    // said once: whoever walks through the page finds the words where they stand
    this.speaking = setTimeout(() => place.replaceChildren(), SPOKEN_MS);
  }

  /** An ended call: nothing of it stays on the page. */
  clear() {
    clearTimeout(this.settling);
    this.settled = false;
    this.share.stop();
    this.guide.choose("");
    this.more.close();
    this.devices.forget();
    this.remote.srcObject = this.self.srcObject = null;
    this.element.dataset.picture = "no";
    this.clock.notices.replaceChildren();
    this.say("");
    this.safety.forget();
    this.render();
  }
}
