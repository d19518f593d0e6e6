// A phone call or another app has taken camera and microphone: the other side is told, and when the person is back both are
// opened again, for on iOS the old tracks stay "live" and dead.
import { awayState, deadKinds, produced } from "../lib/interruption.js";
import { KINDS, TRACK } from "../lib/own-devices.js";

/** @typedef {import("./call-view.js").CallView} CallView */

/** The system gives back by itself what it gives back; then it is looked at. */
const SETTLE_MS = 600;
const LOOK_MS = 1000;

export class CallInterruption {
  /** @param {CallView} view */
  constructor(view) {
    this.view = view;
    this.own = view.devices.own;
    /** @type {WeakSet<MediaStreamTrack>} */
    this.known = new WeakSet();
    this.interrupted = false;
    this.mending = false;
    this.own.addEventListener("change", () => this.follow());
    document.addEventListener("visibilitychange", () => this.look());
    addEventListener("pageshow", (event) => event.persisted && this.back());
  }

  /** Listens to the tracks that there are now. */
  follow() {
    for (const track of this.own.stream?.getTracks() ?? []) {
      if (this.known.has(track)) continue;
      this.known.add(track);
      track.addEventListener("mute", () => this.look());
      track.addEventListener("unmute", () => this.look());
    }
    this.look();
  }

  /** @param {"camera" | "microphone"} kind */
  silenced(kind) {
    const track = this.own.track(kind);
    return track && track.readyState === "live" ? track.muted : null;
  }

  look() {
    const before = this.away ?? "";
    this.away = awayState({ hidden: document.hidden, microphone: this.silenced("microphone"), camera: this.silenced("camera") });
    this.view.element.dataset.away = this.away;
    this.view.call.tell({ away: this.away });
    if (this.away === "phone") this.interrupted = true;
    if (document.hidden) this.wasHidden = true;
    else if (this.wasHidden || (before === "phone" && this.away === "")) this.back();
    else if (before !== "phone" && this.away === "phone") this.view.devices.say("microphone", "taken");
  }

  back() {
    this.wasHidden = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.mend(), SETTLE_MS);
  }

  async mend() {
    if (this.mending || document.hidden) return;
    this.mending = true;
    try {
      void this.view.tryPlay(); // the other side's sound stops with a phone call, too
      const kinds = KINDS.filter((kind) => this.own.works(kind));
      const dead = await this.dead();
      for (const kind of kinds) {
        if (this.interrupted || this.silenced(kind) || dead.includes(TRACK[kind])) await this.own.renew(kind);
      }
      this.interrupted = this.silenced("microphone") === true;
      if (this.interrupted) this.view.devices.say("microphone", "taken");
      else this.view.devices.givenBack("microphone");
    } finally {
      this.mending = false;
    }
    this.look();
  }

  /** Which sources give nothing. A camera that is off gives nothing, a screen may stand still, and both are right. */
  async dead() {
    const connection = this.view.call.peerConnection;
    const camera = () => this.own.track("camera")?.enabled === true && !this.view.share.track;
    if (this.interrupted || !connection) return [];
    const before = await produced(connection);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    return deadKinds(before, await produced(connection)).filter((kind) => kind === "audio" || camera());
  }
}
