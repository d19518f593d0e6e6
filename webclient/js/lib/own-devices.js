// The camera and the microphone that this side sends, through everything that happens to them in a call: one is unplugged,
// another is chosen, a phone call takes both. The stream stays the same object; its tracks change. No document here.
import { openOne } from "./devices.js";
import { otherCamera, successors } from "./device-list.js";

/** @typedef {import("./devices.js").DeviceState} DeviceState */
/** @typedef {import("./device-list.js").Device} Device */
/** @typedef {"camera" | "microphone"} Kind */
/** @typedef {Pick<MediaDevices, "getUserMedia" | "enumerateDevices" | "addEventListener">} Source */
/** @typedef {import("./page.js").TabMemory<import("./call-settings.js").CallSettings>} Settings */

/** @type {Record<Kind, "video" | "audio">} */
export const TRACK = { camera: "video", microphone: "audio" };
export const KINDS = /** @type {const} */ (["microphone", "camera"]);

/**
 * Events, each a CustomEvent: "change": the stream has other tracks. "lost" {kind, reason}: one is gone and nothing took its
 * place. "moved" {kind, label}: another device has taken over. "list": devices came or went.
 */
export class OwnDevices extends EventTarget {
  /** @type {MediaStream | null} */
  stream = null;
  /** One of these worked and has gone: it is taken again as soon as one is there. @type {Set<Kind>} */
  lost = new Set();
  /** One after another. @type {Promise<unknown>} */
  #work = Promise.resolve();
  #settings;
  #source;
  #Stream;

  /**
   * @param {Settings} settings
   * @param {Source | undefined} [source] undefined where the browser withholds it
   * @param {typeof MediaStream} [Stream]
   */
  constructor(settings, source = globalThis.navigator?.mediaDevices, Stream = globalThis.MediaStream) {
    super();
    this.#settings = settings;
    this.#source = source;
    this.#Stream = Stream;
    source?.addEventListener?.("devicechange", () => this.#listChanged());
  }

  /**
   * The stream that was opened elsewhere is looked after from now on.
   * @param {MediaStream | null} stream
   */
  take(stream) {
    if (stream === this.stream) return;
    this.stream = stream;
    this.lost.clear();
    for (const track of stream?.getTracks() ?? []) this.#watch(track);
  }

  /** @param {Kind} kind */
  track(kind) {
    return this.stream?.getTracks().find((track) => track.kind === TRACK[kind]) ?? null;
  }

  /** @param {Kind} kind */
  works(kind) {
    return this.track(kind)?.readyState === "live";
  }

  /** @returns {Promise<Device[]>} */
  async list() {
    try {
      return (await this.#source?.enumerateDevices()) ?? [];
    } catch {
      return [];
    }
  }

  /**
   * Opens one that the person went in without, or that had gone.
   * @param {Kind} kind
   * @returns {Promise<DeviceState>}
   */
  turnOn(kind) {
    return this.#then(async () => (this.works(kind) ? "on" : this.#openAny(kind)));
  }

  /**
   * The person picks another one. If it does not start the one before is taken again.
   * @param {Kind} kind
   * @param {string} id
   * @returns {Promise<DeviceState>}
   */
  choose(kind, id) {
    return this.#then(async () => {
      const before = this.track(kind)?.getSettings().deviceId ?? "";
      const state = await this.#open(kind, { deviceId: { exact: id } });
      if (state === "on") this.#settings.set({ [kind]: id });
      else if (before && before !== id) await this.#open(kind, { deviceId: { exact: before } });
      return state;
    });
  }

  /**
   * From the camera that looks at the person to the one that looks away, and back.
   * @returns {Promise<DeviceState>}
   */
  turnRound() {
    return this.#then(async () => {
      const track = this.track("camera");
      const before = track?.getSettings() ?? {};
      const other = otherCamera(await this.list(), before);
      if (!other) return "missing";
      const state = await this.#open("camera", "deviceId" in other ? { deviceId: { exact: other.deviceId } } : { facingMode: { exact: other.facingMode } });
      if (state === "on") this.#settings.set({ camera: this.track("camera")?.getSettings().deviceId ?? "" });
      else if (before.deviceId) await this.#open("camera", { deviceId: { exact: before.deviceId } });
      return state;
    });
  }

  /**
   * Live, and dead: the same again, as new.
   * @param {Kind} kind
   * @returns {Promise<DeviceState>}
   */
  renew(kind) {
    return this.#then(() => this.#recover(kind));
  }

  /** @param {MediaStreamTrack} track */
  #watch(track) {
    track.addEventListener("ended", () => {
      if (!this.stream?.getTracks().includes(track)) return; // replaced, or of a stream before
      const kind = track.kind === "video" ? "camera" : "microphone";
      void this.#then(async () => (this.works(kind) ? "on" : this.#recover(kind)));
    });
  }

  /**
   * The same device, or the next one of its kind, or none: then it says so.
   * @param {Kind} kind
   * @returns {Promise<DeviceState>}
   */
  async #recover(kind) {
    const stream = this.stream;
    const old = this.track(kind);
    const used = old?.getSettings().deviceId ?? "";
    const ids = successors(await this.list(), kind, used, this.#settings.values[kind]);
    /** @type {DeviceState} */
    let state = ids.length > 0 ? "failed" : await this.#openAny(kind);
    for (const id of ids) {
      if (stream !== this.stream) return state;
      const tried = await this.#open(kind, { deviceId: { exact: id } });
      // what the first one says is worth most: "busy" says more than that there is no other
      if (state === "failed" || tried === "on" || tried === "denied") state = tried;
      if (tried === "on" && id !== used) this.#say("moved", { kind, label: this.track(kind)?.label ?? "" });
      if (tried === "on" || tried === "denied") break;
    }
    if (state !== "on") {
      this.lost.add(kind);
      this.#say("change", {});
      this.#say("lost", { kind, reason: state });
    }
    return state;
  }

  #listChanged() {
    this.#say("list", {});
    if (!this.stream) return; // closed on purpose: nothing is opened behind the person's back
    for (const kind of this.lost) void this.#then(async () => (this.lost.has(kind) ? this.#recover(kind) : "on"));
  }

  /**
   * @param {Kind} kind
   * @param {MediaTrackConstraints} which
   * @returns {Promise<DeviceState>}
   */
  async #open(kind, which) {
    const stream = this.stream;
    const old = this.track(kind);
    // Phones let a page have one camera at a time, and Safari one microphone: the old one goes first.
    old?.stop();
    const { stream: fresh, state } = await openOne(kind, which, this.#source);
    const track = fresh?.getTracks()[0];
    if (!track) return state;
    if (stream !== this.stream) {
      track.stop(); // the page has other devices by now
      return "off";
    }
    this.stream ??= new this.#Stream();
    if (old) this.stream.removeTrack(old);
    this.stream.addTrack(track);
    this.#watch(track);
    this.lost.delete(kind);
    this.#say("change", {});
    return "on";
  }

  /**
   * The chosen one, else any.
   * @param {Kind} kind
   */
  async #openAny(kind) {
    const id = this.#settings.values[kind];
    const state = id ? await this.#open(kind, { deviceId: { exact: id } }) : "missing";
    return state === "missing" ? this.#open(kind, {}) : state;
  }

  /**
   * @template T
   * @param {() => Promise<T>} step
   * @returns {Promise<T>}
   */
  #then(step) {
    const done = this.#work.then(step);
    this.#work = done.catch((error) => console.error("device step failed", error));
    return done;
  }

  /**
   * @param {string} type
   * @param {object} detail
   */
  #say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
