// The call as a page sees it: which page is the other side, what this side gives, and what the service is told. The connection
// itself is lib/pair.js.
import { OwnMedia } from "./own-media.js";
import { Pair } from "./pair.js";
import { PeerLink } from "./peer-link.js";
import { SafetyTalk } from "./safety-talk.js";
import { Thirds } from "./thirds.js";

/** @typedef {import("./page-socket.js").PageSocket} PageSocket */
/** @typedef {import("./pair.js").CallMedia} CallMedia */
/** @typedef {import("./pair.js").CallPath} CallPath */
/**
 * @typedef {object} CallState
 * @property {CallMedia} media
 * @property {CallPath} path
 * @property {{ present: boolean, muted: boolean, cameraOff: boolean, away: "" | "phone" | "hidden", sharing: boolean, guide: string, soundOnly: boolean }} peer
 */

const CONFIRM_MS = 300;
const PREPARED_FRESH_MS = 300_000; // after this the network may be another one
/** @type {CallState["peer"]} */
const NOBODY = { present: false, muted: false, cameraOff: false, away: "", sharing: false, guide: "", soundOnly: false };

/**
 * Events: "state" (detail: CallState), "remote" (detail: MediaStream, again when it gets another track).
 */
export class Call extends EventTarget {
  /** @type {PageSocket} */
  #socket;
  #offers;
  #PeerConnection;
  /** The last `call` message. @type {any} */
  #known = null;
  /** @type {Pair | null} */
  #pair = null;
  /** Built ahead of the admission; `offer` once it is made. @type {{ link: PeerLink, sdp: Promise<string>, offer: string | null, at: number } | null} */
  #prepared = null;
  /** The offer that went with `admit`, until its number is known. @type {string | null} */
  #sentAhead = null;
  /** @type {Map<string, number>} */
  #generations = new Map();
  #media = new OwnMedia();
  /** Pages that have had a `status` from this one. @type {Set<string>} */
  #statusTold = new Set();
  #left = false;
  /** @type {CallState} */
  #state = { media: "idle", path: null, peer: NOBODY };
  #reported = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #confirming;

  /**
   * @param {{ socket: PageSocket, role: import("./thirds.js").Role, PeerConnection?: typeof RTCPeerConnection }} options
   *   a "guest" has no one other side: everybody is in `thirds`
   */
  constructor({ socket, role, PeerConnection = globalThis.RTCPeerConnection }) {
    super();
    this.#socket = socket;
    this.#offers = role === "therapist";
    this.#PeerConnection = PeerConnection;
    /** The words that show that nobody sits between the two pages. */
    this.safety = new SafetyTalk({ socket, offers: this.#offers });
    /** Everybody but the one other side. */
    this.thirds = new Thirds({
      socket,
      role,
      generations: this.#generations,
      media: this.#media,
      newLink: (offers) => this.#newLink(offers),
    });
    this.thirds.addEventListener("change", () => this.thirds.divide(this.share));
    socket.addEventListener("message", (event) => this.#receive(/** @type {CustomEvent} */ (event).detail));
    socket.addEventListener("state", (event) => {
      const state = /** @type {CustomEvent} */ (event).detail;
      if (state === "open") {
        this.#reported = "";
        this.#report();
      }
      if (state === "superseded" || state === "refused") this.#end();
    });
  }

  /** @returns {CallState} */
  get state() {
    return { ...this.#state, peer: { ...this.#state.peer } };
  }

  /** The other side's picture and voice, once there is any. */
  get remoteStream() {
    return this.#pair?.remote ?? null;
  }

  /**
   * The uplink is weak: every picture gives way.
   * @param {number} step of lib/adapt.js
   */
  giveWay(step) {
    if (this.thirds.step === step) return;
    this.thirds.step = step;
    this.thirds.divide(this.share);
  }

  /** How many connections share this side's uplink. */
  get share() {
    return Math.max(1, (this.#pair ? 1 : 0) + this.thirds.instances.length);
  }

  /** The peer connection in use, for statistics. */
  get peerConnection() {
    return this.#pair?.link.pc ?? null;
  }

  /**
   * Camera and microphone, or null: then this side only receives. May change at any time, without renegotiation.
   * @param {MediaStream | null} stream
   */
  setLocalStream(stream) {
    this.#media.stream = stream;
    this.#applyTracks();
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    this.#media.muted = muted;
    this.#applyTracks();
    this.#tellAll();
  }

  /** @param {boolean} off */
  setCameraOff(off) {
    this.#media.cameraOff = off;
    this.#applyTracks();
    this.#tellAll();
  }

  /**
   * What the other side shows beside the picture; goes out only when it changes.
   * @param {{ away?: "" | "phone" | "hidden", sharing?: boolean, guide?: string, soundOnly?: boolean }} changes
   */
  tell(changes) {
    const before = JSON.stringify(this.#media.status);
    Object.assign(this.#media, changes);
    if (JSON.stringify(this.#media.status) !== before) {
      this.#tellAll();
      this.thirds.divide(this.share);
    }
  }

  /** Builds what needs no peer, so that a call begins with its offer instead of waiting for it. */
  prepare() {
    if (this.#pair || this.#usable()) return;
    this.#dropPrepared();
    const link = this.#newLink();
    // Generation 0: a page that prepares has not met this peer; if it has, the offer is made anew.
    const sdp = this.#offers ? link.offer(0) : Promise.resolve("");
    sdp.catch(() => undefined); // whoever uses it hears of the failure
    const prepared = { link, sdp, offer: /** @type {string | null} */ (null), at: performance.now() };
    if (this.#offers) void sdp.then((text) => (prepared.offer = text), () => undefined);
    this.#prepared = prepared;
  }

  /**
   * Admits a patient. The prepared offer goes along, so that the patient's page has it together with the admission.
   * @param {string} visit
   */
  admit(visit) {
    const offer = this.#usable()?.offer;
    this.#sentAhead = offer ?? null;
    this.#socket.send(offer ? { type: "admit", visit, offer } : { type: "admit", visit });
  }

  /** What was prepared and is not too old. */
  #usable() {
    return this.#prepared && performance.now() - this.#prepared.at < PREPARED_FRESH_MS ? this.#prepared : null;
  }

  #dropPrepared() {
    this.#prepared?.link.close();
    this.#prepared = null;
  }

  /** The person leaves; the service decides what follows. The call stays closed here until `rejoin()`. */
  leave() {
    this.#left = true;
    this.#socket.send({ type: "leave" });
    this.#end();
  }

  /** After `leave()`: take part again, as soon as the service says that the call is open. */
  rejoin() {
    this.#left = false;
    if (this.#known) this.#receive(this.#known);
  }

  /** @param {any} message a server message (signaling/protocol.md); what is about the connection is heard by its `Pair` */
  #receive(message) {
    switch (message.type) {
      case "call":
        this.#known = message;
        if (this.#left) return;
        this.#meet(message.peer);
        this.#pair?.setServers(message.ice_servers ?? []);
        this.thirds.follow(message);
        this.#nameThem();
        if (message.role === "patient" && message.phase === "admitted") this.#confirmSoon();
        return;
      case "ended":
        this.#known = null;
        this.#left = false;
        return this.#end();
      case "refused":
        if (message.about === "hello") this.#end();
        return;
      case "status":
        if (message.from !== this.#pair?.peer) return;
        return this.#set({ peer: { ...this.#state.peer, ...peerStatus(message) } });
    }
  }

  /** That the admission has come; the messages that the connection waits for go first. */
  #confirmSoon() {
    clearTimeout(this.#confirming);
    this.#confirming = setTimeout(() => {
      if (this.#known?.phase === "admitted") this.#socket.send({ type: "confirm" });
    }, CONFIRM_MS);
  }

  /** @param {{ instance: string, present: boolean } | null} peer */
  #meet(peer) {
    const present = peer?.present ?? false;
    if (!peer && !this.#pair) return;
    if (peer && peer.instance === this.#pair?.peer) {
      const back = present && !this.#state.peer.present;
      this.#set({ peer: { ...this.#state.peer, present } });
      if (back) this.#socket.resendNow();
      return;
    }
    this.#closePair();
    this.#set({ media: "connecting", path: null, peer: { ...NOBODY, present } });
    if (peer) this.#begin(peer.instance);
  }

  #nameThem() {
    const main = this.#pair ? [this.#pair.peer] : [];
    this.#socket.setPeers([...main, ...this.thirds.instances]);
  }

  /** @param {string} peer */
  #begin(peer) {
    // What was prepared is a generation 0: with a page that this one has met before the count goes on.
    const usable = this.#generations.has(peer) ? null : this.#usable();
    if (usable) this.#prepared = null;
    else this.#dropPrepared();
    let first = usable?.link;
    const pair = new Pair({
      socket: this.#socket,
      peer,
      offers: this.#offers,
      policy: this.#known.policy,
      iceServers: this.#known.ice_servers,
      generations: this.#generations,
      safety: this.safety,
      newLink: () => {
        const link = first ?? this.#newLink();
        first = undefined;
        return link;
      },
    });
    this.#pair = pair;
    pair.addEventListener("state", () => this.#set({ media: pair.media, path: pair.path }));
    pair.addEventListener("settled", () => this.#report());
    pair.addEventListener("remote", (event) => {
      this.dispatchEvent(new CustomEvent("remote", { detail: /** @type {CustomEvent} */ (event).detail }));
    });
    pair.begin(usable?.sdp, this.#sentAhead);
    this.#sentAhead = null;
    pair.afterwards(() => this.#sendStatus()); // the offer is the first message
  }

  #newLink(offers = this.#offers) {
    const link = new PeerLink(this.#PeerConnection);
    void link.setTracks(...this.#media.tracks());
    if (!offers) link.attach();
    return link;
  }

  /** Tells the service once for every change, and again after each reconnect. */
  #report() {
    const { media, path } = this.#state;
    if (!this.#pair || (media !== "connected" && media !== "reconnecting")) return;
    const message = {
      type: "media",
      state: media === "connected" ? "connected" : "lost",
      path: media === "connected" ? path : null,
      generation: this.#pair.generation,
    };
    const text = JSON.stringify(message);
    if (text !== this.#reported && this.#socket.send(message)) this.#reported = text;
  }

  #tellAll() {
    this.#sendStatus();
    this.thirds.sendStatus();
  }

  #sendStatus() {
    const to = this.#pair?.peer;
    if (to === undefined || (this.#media.plain && !this.#statusTold.has(to))) return;
    this.#statusTold.add(to);
    this.#socket.send({ type: "status", to, ...this.#media.status }, { keep: true });
  }

  #applyTracks() {
    const tracks = this.#media.tracks();
    this.#pair?.setTracks(...tracks);
    this.thirds.setTracks(...tracks);
    const prepared = this.#prepared?.link;
    void prepared?.setTracks(...tracks).catch((error) => console.error("track not replaced", error));
    if (!this.#offers) prepared?.attach();
  }

  #closePair() {
    this.#pair?.close();
    this.#pair = null;
    this.#reported = "";
  }

  #end() {
    this.#dropPrepared();
    this.thirds.close();
    if (this.#pair === null && this.#state.media !== "connecting") return;
    this.#closePair();
    this.#nameThem();
    this.#set({ media: "closed", path: null, peer: NOBODY });
  }

  /** @param {Partial<CallState>} changes */
  #set(changes) {
    const before = JSON.stringify(this.#state);
    this.#state = { ...this.#state, ...changes };
    if (JSON.stringify(this.#state) !== before) this.dispatchEvent(new CustomEvent("state", { detail: this.state }));
  }
}

/**
 * @param {{ muted: boolean, camera_off: boolean, away?: "" | "phone" | "hidden", sharing?: boolean, guide?: string, sound_only?: boolean }} message
 */
function peerStatus({ muted, camera_off, away = "", sharing = false, guide = "", sound_only = false }) {
  return { muted, cameraOff: camera_off, away, sharing, guide, soundOnly: sound_only };
}
