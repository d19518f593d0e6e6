// Watches a call: measures every two seconds, adapts what this side sends, and tells the service.
import { Adaptation, adapt } from "./adapt.js";
import { settings } from "./call-settings.js";
import { EVERY_MS, QualityMeter, readStats } from "./quality.js";

/** @typedef {import("./call.js").Call} Call */
/** @typedef {import("./page-socket.js").PageSocket} PageSocket */
/** @typedef {import("./quality.js").QualityState} QualityState */

const TELL_APART_MS = 1_100;
const TELL_EVERY_MS = 10_000;

/** Events: "state" (detail: QualityState or null). */
export class QualityWatch extends EventTarget {
  #call;
  #socket;
  #meter = new QualityMeter();
  #adaptation = new Adaptation();
  /** @type {RTCPeerConnection | null} */
  #pc = null;
  #told = { at: -Infinity, state: "" };
  #looking = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #telling;
  /** What each sender was told last. @type {WeakMap<RTCRtpSender, string>} */
  #applied = new WeakMap();
  #picture = true;
  #counting = true;
  /** @type {QualityState | null} */
  state = null;

  /**
   * @param {{ call: Call, socket: PageSocket, now?: () => number }} options `now`: ms
   */
  constructor({ call, socket, now = () => performance.now() }) {
    super();
    this.#call = call;
    this.#socket = socket;
    this.now = now;
    call.addEventListener("state", () => this.#followCall());
    setInterval(() => void this.look(), EVERY_MS);
  }

  /** Whether a picture is sent at all. @param {boolean} on */
  set picture(on) {
    this.#picture = on;
    this.#apply();
  }

  /** Off while the two talk by phone: nothing is sent then, and nothing to be judged. @param {boolean} on */
  set counting(on) {
    if (this.#counting === on) return;
    this.#counting = on;
    this.#meter.forget();
    this.#set(null);
  }

  /** The step of the adaptation; 0: whole. */
  get step() {
    return this.#adaptation.step;
  }

  #followCall() {
    const { media } = this.#call.state;
    const pc = this.#call.peerConnection;
    if (pc !== this.#pc) {
      this.#pc = pc;
      this.#meter.forget();
      this.#adaptation.forget(settings.values.gentle ? 1 : 0);
      this.#set(null);
    }
    if (media === "connected" && (!this.#picture || this.#adaptation.step > 0)) this.#apply();
    if (media === "reconnecting" && this.#counting) {
      this.#meter.interrupted();
      this.#set("lost");
    }
  }

  /** One look at the statistics. */
  async look() {
    const pc = this.#call.peerConnection;
    if (!pc || this.#looking || !this.#counting || this.#call.state.media !== "connected") return;
    this.#looking = true;
    try {
      const stats = await pc.getStats();
      if (pc !== this.#call.peerConnection || this.#call.state.media !== "connected") return;
      const at = this.now();
      this.#meter.add(readStats(stats.values()), at, this.#adaptation.step > 0 || !this.#picture);
      this.#call.giveWay(this.#adaptation.follow(this.#meter.sending, at));
      this.#apply();
      this.#set(this.#meter.state);
      this.#tell(at);
    } catch (error) {
      console.info("quality not read", error); // the connection closed meanwhile
    } finally {
      this.#looking = false;
    }
  }

  #apply() {
    for (const sender of this.#call.peerConnection?.getSenders() ?? []) {
      // a sender that has no track yet belongs to the receiver of the same transceiver
      const kind = sender.track?.kind ?? this.#kindOf(sender);
      if (kind !== "audio" && kind !== "video") continue;
      const wanted = kind === "audio" ? "first" : `${this.#adaptation.step} ${this.#picture} ${this.#call.share}`;
      if ((this.#applied.get(sender) ?? "0 true 1") === wanted) continue;
      const parameters = sender.getParameters();
      if (!adapt(parameters, kind, this.#adaptation.step, this.#picture, this.#call.share)) continue;
      this.#applied.set(sender, wanted);
      sender.setParameters(parameters).catch((error) => {
        this.#applied.set(sender, ""); // the next look tries again
        console.info("not adapted", error);
      });
    }
  }

  /** @param {RTCRtpSender} sender */
  #kindOf(sender) {
    return this.#call.peerConnection?.getTransceivers().find((one) => one.sender === sender)?.receiver.track.kind;
  }

  /** @param {number} at */
  #tell(at) {
    const state = this.#meter.state;
    if (!state || (state === this.#told.state && at - this.#told.at < TELL_EVERY_MS)) return;
    if (at - this.#told.at < TELL_APART_MS) {
      // the service takes no more than one a second; the last state must not be the one that it drops
      clearTimeout(this.#telling);
      this.#telling = setTimeout(() => this.#tell(this.now()), TELL_APART_MS);
      return;
    }
    const sample = { type: "quality", ...this.#meter.measure, state, path: this.#call.state.path };
    if (this.#socket.send(sample)) this.#told = { at, state };
  }

  /** @param {QualityState | null} state */
  #set(state) {
    if (this.state === state) return;
    this.state = state;
    if (state === "lost") this.#tell(this.now());
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}
