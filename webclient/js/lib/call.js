// The call as a page sees it: which page is the other side, its peer connection, mute, reconnection, path.
import { PeerLink } from "./peer-link.js";
import { RestartTimer } from "./restart-timer.js";
import { SilenceWatch } from "./silence.js";
import { SafetyTalk } from "./safety-talk.js";

/** @typedef {import("./peer-link.js").RelayCandidate} RelayCandidate */
/** @typedef {import("./page-socket.js").PageSocket} PageSocket */
/** @typedef {"idle" | "connecting" | "connected" | "reconnecting" | "closed"} CallMedia */
/** @typedef {null | "direct" | "relay" | "relay-tcp"} CallPath */
/**
 * @typedef {object} CallState
 * @property {CallMedia} media
 * @property {CallPath} path
 * @property {{ present: boolean, muted: boolean, cameraOff: boolean }} peer
 */
/** @typedef {{ generation: number, candidate: string, mid: string }} Trickled */

const REPORT_AFTER_MS = 200;
const CONFIRM_MS = 300;
const DIRECT_FIRST_MS = 150;
const SOCKET_PATIENCE_MS = 1_000; // while the media is silent too: then the network is likely another one
const PATH_EVERY_MS = 5_000; // where the browser has no event for a changed pair
const PREPARED_FRESH_MS = 300_000; // after this the network may be another one
const MOST_HELD = 100; // candidates that came before their description

/**
 * Events: "state" (detail: CallState), "remote" (detail: MediaStream, again when it gets another track).
 */
export class Call extends EventTarget {
  /** @type {PageSocket} */
  #socket;
  #offers;
  #PeerConnection;
  /** @type {string | null} */
  #peer = null;
  /** @type {string | null} */
  #policy = null;
  /** The last `call` message. @type {any} */
  #known = null;
  /** @type {PeerLink | null} */
  #link = null;
  /** Built ahead of the admission; `offer` once it is made. @type {{ link: PeerLink, sdp: Promise<string>, offer: string | null, at: number } | null} */
  #prepared = null;
  /** The offer that went with `admit`, until its number is known. @type {string | null} */
  #sentAhead = null;
  /** Newest generation used towards each page: a second call with the same page goes on counting. @type {Map<string, number>} */
  #generations = new Map();
  /** What this side has gathered and may have to send. @type {Trickled[]} */
  #gathered = [];
  /** What came before its description. @type {{ generation: number, add: () => Promise<void> }[]} */
  #held = [];
  /** @type {MediaStream | null} */
  #stream = null;
  /** @type {MediaStream | null} */
  #remote = null;
  /** Pages that have had a `status` from this one. @type {Set<string>} */
  #statusTold = new Set();
  #muted = false;
  #cameraOff = false;
  #left = false;
  /** @type {CallState} */
  #state = { media: "idle", path: null, peer: { present: false, muted: false, cameraOff: false } };
  #reported = "";
  #restarts = new RestartTimer(() => this.#restart());
  #silence = new SilenceWatch(
    () => this.#link?.pc.getReceivers() ?? [],
    (silent, times) => this.#silenceTold(silent, times),
  );
  /** The socket was lost while the media was silent: this side's network has changed. */
  #moved = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pathTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #confirming;
  /** Descriptions and candidates are applied one after another. @type {Promise<void>} */
  #work = Promise.resolve();

  /**
   * @param {{ socket: PageSocket, role: "therapist" | "patient", PeerConnection?: typeof RTCPeerConnection }} options
   */
  constructor({ socket, role, PeerConnection = globalThis.RTCPeerConnection }) {
    super();
    this.#socket = socket;
    this.#offers = role === "therapist";
    this.#PeerConnection = PeerConnection;
    /** The words that show that nobody sits between the two pages. */
    this.safety = new SafetyTalk({ socket, offers: this.#offers });
    socket.addEventListener("message", (event) => this.#receive(/** @type {CustomEvent} */ (event).detail));
    socket.addEventListener("state", (event) => {
      const state = /** @type {CustomEvent} */ (event).detail;
      if (state === "open") {
        this.#reported = "";
        this.#report();
        if (this.#moved && this.#silence.silent) this.#restarts.ask();
        this.#moved = false;
      }
      if (state === "lost" && this.#silence.silent) this.#moved = true;
      if (state === "superseded" || state === "refused") this.#end();
    });
  }

  /** @returns {CallState} */
  get state() {
    return { ...this.#state, peer: { ...this.#state.peer } };
  }

  /** The other side's picture and voice, once there is any. */
  get remoteStream() {
    return this.#remote;
  }

  /** The peer connection in use, for statistics. */
  get peerConnection() {
    return this.#link?.pc ?? null;
  }

  /**
   * Camera and microphone, or null: then this side only receives. May change at any time, without renegotiation.
   * @param {MediaStream | null} stream
   */
  setLocalStream(stream) {
    this.#stream = stream;
    this.#applyTracks();
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    this.#muted = muted;
    this.#applyTracks();
    this.#sendStatus();
  }

  /** @param {boolean} off */
  setCameraOff(off) {
    this.#cameraOff = off;
    this.#applyTracks();
    this.#sendStatus();
  }

  /** Builds what needs no peer, so that a call begins with its offer instead of waiting for it. */
  prepare() {
    if (this.#link || (this.#prepared && performance.now() - this.#prepared.at < PREPARED_FRESH_MS)) return;
    this.#prepared?.link.close();
    this.#gathered = [];
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

  /** @param {any} message a server message (signaling/protocol.md) */
  #receive(message) {
    switch (message.type) {
      case "call":
        this.#known = message;
        if (this.#left) return;
        this.#policy = message.policy;
        this.#meet(message.peer);
        if (message.role === "patient" && message.phase === "admitted") this.#confirmSoon();
        return;
      case "ended":
        this.#known = null;
        this.#left = false;
        return this.#end();
      case "refused":
        if (message.about === "hello") this.#end();
        return;
    }
    if ((message.from ?? message.peer) !== this.#peer || this.#peer === null) return;
    switch (message.type) {
      case "description":
        return this.#then(() => this.#describe(message));
      case "candidate":
        return this.#then(() => this.#hold(message.generation, (link) => link.addCandidate(message.candidate, message.mid)));
      case "relay":
        return this.#relayCame(message);
      case "need_offer":
        // Number 0 comes from the service, which could not open the relay for the last offer: that one cannot wait.
        return this.#offers && this.#interrupted() ? this.#restarts.ask(message.seq === 0, false) : undefined;
      case "safety":
        return this.safety.receive(message);
      case "status":
        return this.#set({ peer: { ...this.#state.peer, muted: message.muted, cameraOff: message.camera_off } });
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
    const instance = peer?.instance ?? null;
    const present = peer?.present ?? false;
    const back = present && !this.#state.peer.present;
    if (instance !== this.#peer || (instance !== null && this.#link === null)) {
      if (this.#link) this.#closeLink();
      this.#peer = instance;
      this.#socket.setPeer(instance);
      this.#set({ media: "connecting", path: null, peer: { present, muted: false, cameraOff: false } });
      if (instance !== null) this.#begin(instance);
    } else {
      this.#set({ peer: { ...this.#state.peer, present } });
      if (back) this.#socket.resendNow();
    }
  }

  /** @param {string} peer */
  #begin(peer) {
    const generation = (this.#generations.get(peer) ?? -1) + 1;
    const usable = generation === 0 ? this.#usable() : null;
    if (this.#prepared && !usable) {
      this.#prepared.link.close();
      this.#gathered = [];
    }
    this.#prepared = null;
    const link = usable ? usable.link : this.#newLink();
    this.#link = link;
    this.#pathTimer = setInterval(() => this.#readPath(), PATH_EVERY_MS);
    if (this.#offers) {
      this.#then(() => this.#sendOffer(link, peer, generation, usable?.sdp));
    }
    this.#then(async () => this.#sendStatus()); // the offer is the first message
  }

  /**
   * @param {PeerLink} link
   * @param {string} peer
   * @param {number} generation
   * @param {Promise<string>} [ready]
   */
  async #sendOffer(link, peer, generation, ready) {
    if (link !== this.#link) return;
    this.#generations.set(peer, generation);
    const sdp = await (ready ?? link.offer(generation));
    if (link !== this.#link) return;
    const message = { type: "description", to: peer, kind: "offer", generation, sdp };
    const ahead = generation === 0 && sdp === this.#sentAhead;
    this.#sentAhead = null;
    this.#socket.send(message, { keep: true, sent: ahead });
    this.#trickle();
  }

  /** @param {{ from: string, kind: "offer" | "answer", generation: number, sdp: string }} message */
  async #describe({ from, kind, generation, sdp }) {
    if (this.#offers !== (kind === "answer") || from !== this.#peer || !this.#link) return;
    if (this.#offers) await this.#link.accept(sdp, generation);
    else {
      if (generation <= this.#link.remoteGeneration) return;
      let answer;
      try {
        answer = await this.#link.answer(sdp, generation);
      } catch {
        // The other page has begun anew (after an end that this page has missed): its offer fits no old connection.
        this.#replaceLink();
        answer = await this.#link.answer(sdp, generation);
      }
      this.#socket.send({ type: "description", to: from, kind: "answer", generation, sdp: answer }, { keep: true });
      this.#trickle();
    }
    const ripe = this.#held.filter((one) => one.generation <= generation);
    this.#held = this.#held.filter((one) => one.generation > generation);
    for (const one of ripe) if (one.generation === generation) await one.add();
  }

  /**
   * Where the direct way is allowed it gets a head start: browsers try one pair every 48 ms, and the relay's come first.
   * @param {{ generation: number, candidates: RelayCandidate[] }} message
   */
  #relayCame({ generation, candidates }) {
    const add = () => this.#then(() => this.#hold(generation, (link) => link.addRelay(candidates)));
    const direct = this.#policy === "direct+relay" && candidates.some(({ via }) => via === "relay");
    const link = this.#link;
    if (direct && this.#state.media === "connecting") setTimeout(() => link === this.#link && add(), DIRECT_FIRST_MS);
    else add();
  }

  /**
   * @param {number} generation
   * @param {(link: PeerLink) => Promise<void>} add
   */
  async #hold(generation, add) {
    const link = this.#link;
    if (!link) return;
    if (link.remoteGeneration === generation) await add(link);
    else if (generation > link.remoteGeneration && this.#held.length < MOST_HELD) {
      this.#held.push({ generation, add: async () => (this.#link ? add(this.#link) : undefined) });
    }
  }

  /** Sends what was gathered. Under policy "relay" nothing: the service would keep it back. */
  #trickle() {
    const link = this.#link;
    if (!link || this.#peer === null || link.localGeneration < 0 || this.#policy !== "direct+relay") return;
    if (!this.#generations.has(this.#peer) && this.#offers) return; // the offer goes first
    for (const one of this.#gathered.splice(0)) {
      this.#socket.send({ type: "candidate", to: this.#peer, ...one }, { keep: true });
    }
  }

  #newLink() {
    const link = new PeerLink(this.#PeerConnection);
    void link.setTracks(...this.#tracks());
    if (!this.#offers) link.attach();
    link.addEventListener("candidate", (event) => {
      if (link !== this.#link && link !== this.#prepared?.link) return;
      const candidate = /** @type {CustomEvent<RTCIceCandidate>} */ (event).detail;
      this.#gathered.push({ generation: link.localGeneration, candidate: candidate.candidate, mid: candidate.sdpMid ?? "0" });
      if (link === this.#link) this.#then(async () => this.#trickle()); // after the description that it belongs to
    });
    link.addEventListener("state", () => this.#connection(link));
    link.addEventListener("path", () => this.#readPath());
    link.addEventListener("track", () => {
      if (link !== this.#link) return;
      // One stream a peer connection, so that picture and voice stay in step; with both tracks from the first event on:
      // a player that starts with the voice alone starts anew for the picture.
      const known = this.#remote?.getTracks() ?? [];
      const fresh = link.remoteTracks().filter((track) => !known.includes(track));
      if (fresh.length === 0) return;
      this.#remote ??= new MediaStream();
      for (const track of fresh) this.#remote.addTrack(track);
      this.dispatchEvent(new CustomEvent("remote", { detail: this.#remote }));
    });
    return link;
  }

  #replaceLink() {
    this.safety.stop();
    this.#link?.close();
    this.#gathered = [];
    this.#remote = null;
    this.#link = this.#newLink();
  }

  /** @param {PeerLink} link */
  #connection(link) {
    if (link !== this.#link) return;
    const state = link.connectionState;
    this.#restarts.follow(state);
    if (this.#peer !== null) this.safety.follow(link.pc, this.#peer);
    if (state === "connected") {
      this.#silence.start();
      this.#set({ media: "connected" });
      // Not while the first pictures are on their way; and one message that has the path, not one before it.
      setTimeout(() => void this.#readPath().then(() => this.#report()), REPORT_AFTER_MS);
      return;
    } else if (state === "disconnected" || state === "failed") {
      if (this.#state.media === "connected") this.#set({ media: "reconnecting", path: null });
    }
    this.#report();
  }

  /** The last resort: fresh ICE credentials. Only the therapist's page can; the other asks. */
  #restart() {
    const link = this.#link;
    const peer = this.#peer;
    if (!link || peer === null || (link.connectionState === "connected" && !this.#silence.silent)) return;
    if (!this.#offers) {
      this.#socket.send({ type: "need_offer", to: peer }, { keep: true });
      return;
    }
    this.#then(() => this.#sendOffer(link, peer, (this.#generations.get(peer) ?? -1) + 1));
  }

  #interrupted() {
    return this.#state.media !== "connected" || this.#silence.silent;
  }

  /**
   * Nothing comes: perhaps the relay is gone, perhaps this side's network. What is asked here does no harm if it is neither.
   * @param {boolean} silent
   * @param {number} times
   */
  #silenceTold(silent, times) {
    if (!silent) {
      this.#moved = false;
      if (this.#link?.connectionState === "connected") this.#restarts.stop();
      void this.#link?.refreshPicture();
      return;
    }
    void this.#link?.reviveRelays(times > 1);
    this.#socket.nudge(SOCKET_PATIENCE_MS);
  }

  async #readPath() {
    const link = this.#link;
    const path = await link?.path().catch(() => null);
    if (!path || link !== this.#link || this.#state.media !== "connected") return;
    this.#set({ path });
    this.#report();
  }

  /** Tells the service once for every change, and again after each reconnect. */
  #report() {
    const link = this.#link;
    const { media, path } = this.#state;
    if (!link || (media !== "connected" && media !== "reconnecting")) return;
    const message = {
      type: "media",
      state: media === "connected" ? "connected" : "lost",
      path: media === "connected" ? path : null,
      generation: Math.max(0, link.localGeneration),
    };
    const text = JSON.stringify(message);
    if (text !== this.#reported && this.#socket.send(message)) this.#reported = text;
  }

  #sendStatus() {
    // A page counts as heard and seen until it says otherwise: nothing to say about a new peer then.
    if (this.#peer === null || !(this.#muted || this.#cameraOff || this.#statusTold.has(this.#peer))) return;
    this.#statusTold.add(this.#peer);
    const message = { type: "status", to: this.#peer, muted: this.#muted, camera_off: this.#cameraOff };
    this.#socket.send(message, { keep: true });
  }

  /** @returns {[MediaStreamTrack | null, MediaStreamTrack | null]} */
  #tracks() {
    return [this.#stream?.getAudioTracks()[0] ?? null, this.#stream?.getVideoTracks()[0] ?? null];
  }

  #applyTracks() {
    const [audio, video] = this.#tracks();
    if (audio) audio.enabled = !this.#muted;
    if (video) video.enabled = !this.#cameraOff;
    for (const link of [this.#link, this.#prepared?.link]) {
      link?.setTracks(audio, video).catch((error) => console.error("track not replaced", error));
      if (!this.#offers) link?.attach();
    }
  }

  #closeLink() {
    this.#restarts.stop();
    this.#silence.stop();
    clearInterval(this.#pathTimer);
    this.safety.stop();
    this.#link?.close();
    this.#link = null;
    this.#gathered = [];
    this.#held = [];
    this.#remote = null;
    this.#reported = "";
  }

  #end() {
    this.#prepared?.link.close();
    this.#prepared = null;
    if (this.#link === null && this.#peer === null) return;
    this.#closeLink();
    this.#peer = null;
    this.#socket.setPeer(null);
    this.#set({ media: "closed", path: null, peer: { present: false, muted: false, cameraOff: false } });
  }

  /** @param {() => Promise<void>} step */
  #then(step) {
    this.#work = this.#work.then(step).catch((error) => {
      console.error("call step failed", error);
      // What could not be applied must not stay for ever: ask for, or make, a fresh negotiation.
      if (this.#link) this.#restarts.ask();
    });
  }

  /** @param {Partial<CallState>} changes */
  #set(changes) {
    const before = JSON.stringify(this.#state);
    this.#state = { ...this.#state, ...changes };
    if (JSON.stringify(this.#state) !== before) this.dispatchEvent(new CustomEvent("state", { detail: this.state }));
  }
}
