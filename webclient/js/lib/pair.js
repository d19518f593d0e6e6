// The connection to one page of one other person: who describes what when, candidates, restarts, silence, the path. Whose page
// it is, and what the service is told, is lib/call.js.
import { PeerLink } from "./peer-link.js";
import { RestartTimer } from "./restart-timer.js";
import { SilenceWatch } from "./silence.js";

/** @typedef {import("./peer-link.js").RelayCandidate} RelayCandidate */
/** @typedef {import("./page-socket.js").PageSocket} PageSocket */
/** @typedef {"idle" | "connecting" | "connected" | "reconnecting" | "closed"} CallMedia */
/** @typedef {null | "direct" | "relay" | "relay-tcp"} CallPath */
/** @typedef {{ from: string, kind: "offer" | "answer", generation: number, sdp: string }} Description */

const SETTLED_AFTER_MS = 200;
const DIRECT_FIRST_MS = 150;
const SOCKET_PATIENCE_MS = 1_000; // while the media is silent too: then the network is likely another one
const PATH_EVERY_MS = 5_000; // where the browser has no event for a changed pair
const TURN_AFTER_MS = 1_500;
const MOST_HELD = 100; // candidates that came before their description

/**
 * Events: "state" (`media` or `path` has changed), "settled" (they are worth telling the service), "remote" (detail:
 * MediaStream, again when it gets another track).
 */
export class Pair extends EventTarget {
  /** @type {CallMedia} */
  media = "connecting";
  /** @type {CallPath} */
  path = null;
  /** The other side's picture and voice, once there is any. @type {MediaStream | null} */
  remote = null;
  #socket;
  #offers;
  #policy;
  #generations;
  #servers;
  #newLink;
  #safety;
  /** @type {PeerLink} */
  #link;
  /** What came before its description. @type {{ generation: number, add: () => Promise<void> }[]} */
  #held = [];
  #restarts = new RestartTimer(() => this.#restart());
  #silence = new SilenceWatch(
    () => this.#link.pc.getReceivers(),
    (silent, times) => this.#silenceTold(silent, times),
  );
  /** The socket was lost while the media was silent: this side's network has changed. */
  #moved = false;
  /** Descriptions and candidates are applied one after another. @type {Promise<void>} */
  #work = Promise.resolve();
  #over = new AbortController();
  #pathTimer;

  /**
   * @param {object} options
   * @param {PageSocket} options.socket
   * @param {string} options.peer the other page's instance
   * @param {boolean} options.offers this side offers, the other answers
   * @param {string} options.policy "relay" or "direct+relay"
   * @param {RTCIceServer[]} [options.iceServers] the clinic's TURN servers
   * @param {Map<string, number>} options.generations newest generation used towards each page: a second connection with the
   *   same page goes on counting
   * @param {() => PeerLink} options.newLink a fresh one that has this side's tracks
   * @param {import("./safety-talk.js").SafetyTalk} [options.safety]
   */
  constructor({ socket, peer, offers, policy, iceServers = [], generations, newLink, safety }) {
    super();
    this.peer = peer;
    this.#socket = socket;
    this.#offers = offers;
    this.#policy = policy;
    this.#generations = generations;
    this.#newLink = newLink;
    this.#safety = safety;
    this.#servers = iceServers;
    this.#link = newLink();
    this.#link.setServers(iceServers);
    this.#watch(this.#link);
    const signal = this.#over.signal;
    socket.addEventListener("message", (event) => this.#receive(/** @type {CustomEvent} */ (event).detail), { signal });
    socket.addEventListener("state", (event) => this.#socketChanged(/** @type {CustomEvent} */ (event).detail), { signal });
    this.#pathTimer = setInterval(() => this.#readPath(), PATH_EVERY_MS);
  }

  /** The link in use, for statistics and tracks. */
  get link() {
    return this.#link;
  }

  /** Changes with each ICE restart; 0 before the first. */
  get generation() {
    return Math.max(0, this.#link.localGeneration);
  }

  /**
   * The side that offers begins.
   * @param {Promise<string>} [ready] an offer of generation 0 that the link has made already
   * @param {string | null} [ahead] the offer that the service has got with `admit`: it only has to be counted
   */
  begin(ready, ahead = null) {
    const generation = (this.#generations.get(this.peer) ?? -1) + 1;
    if (!this.#offers) return;
    this.#then(() => this.#sendOffer(generation, ready, ahead));
    // An offer that was made before the admission had no TURN server: where that is the only way, it is tried soon.
    if (ready && this.#servers.length) setTimeout(() => this.#tryServers(), TURN_AFTER_MS);
  }

  #tryServers() {
    const answered = this.#link.remoteGeneration >= 0;
    if (!this.#closed && answered && this.media === "connecting") this.#restarts.ask(true);
  }

  /** @param {RTCIceServer[]} iceServers with later credentials, for the next ICE restart */
  setServers(iceServers) {
    this.#servers = iceServers;
    this.#link.setServers(iceServers);
  }

  /**
   * After everything that this side has begun to say.
   * @param {() => void} what
   */
  afterwards(what) {
    this.#then(async () => what());
  }

  /**
   * @param {MediaStreamTrack | null} audio
   * @param {MediaStreamTrack | null} video
   */
  setTracks(audio, video) {
    this.#link.setTracks(audio, video).catch((error) => console.error("track not replaced", error));
    if (!this.#offers) this.#link.attach();
  }

  close() {
    this.#over.abort();
    this.#restarts.stop();
    this.#silence.stop();
    clearInterval(this.#pathTimer);
    this.#safety?.stop();
    this.#link.close();
    this.#held = [];
    this.remote = null;
  }

  get #closed() {
    return this.#over.signal.aborted;
  }

  /** @param {any} message a server message (signaling/protocol.md) */
  #receive(message) {
    if ((message.from ?? message.peer) !== this.peer) return;
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
        return this.#safety?.receive(message);
    }
  }

  /** @param {string} state */
  #socketChanged(state) {
    if (state === "open") {
      if (this.#moved && this.#silence.silent) this.#restarts.ask();
      this.#moved = false;
    }
    if (state === "lost" && this.#silence.silent) this.#moved = true;
  }

  /**
   * @param {number} generation
   * @param {Promise<string>} [ready]
   * @param {string | null} [ahead]
   */
  async #sendOffer(generation, ready, ahead = null) {
    const link = this.#link;
    this.#generations.set(this.peer, generation);
    const sdp = await (ready ?? link.offer(generation));
    if (this.#closed) return;
    const message = { type: "description", to: this.peer, kind: "offer", generation, sdp };
    this.#socket.send(message, { keep: true, sent: generation === 0 && sdp === ahead });
    this.#trickle();
  }

  /** @param {Description} message */
  async #describe({ from, kind, generation, sdp }) {
    if (this.#offers !== (kind === "answer")) return;
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
      if (this.#closed) return;
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
    if (direct && this.media === "connecting") setTimeout(add, DIRECT_FIRST_MS);
    else add();
  }

  /**
   * @param {number} generation
   * @param {(link: PeerLink) => Promise<void>} add
   */
  async #hold(generation, add) {
    const known = this.#link.remoteGeneration;
    if (known === generation) await add(this.#link);
    else if (generation > known && this.#held.length < MOST_HELD) this.#held.push({ generation, add: () => add(this.#link) });
  }

  /** Sends what was gathered. Under policy "relay" only a TURN server's addresses: the service would keep the others back. */
  #trickle() {
    if (this.#link.localGeneration < 0) return;
    if (this.#offers && !this.#generations.has(this.peer)) return; // the offer goes first
    for (const one of this.#link.gathered.splice(0)) {
      if (this.#policy !== "direct+relay" && !/ typ relay /.test(one.candidate)) continue;
      this.#socket.send({ type: "candidate", to: this.peer, ...one }, { keep: true });
    }
  }

  /** @param {PeerLink} link */
  #watch(link) {
    link.addEventListener("candidate", () => this.#then(async () => this.#trickle())); // after the description that it belongs to
    link.addEventListener("state", () => link === this.#link && this.#connection());
    link.addEventListener("path", () => this.#readPath());
    link.addEventListener("track", () => link === this.#link && this.#tracksCame());
  }

  /**
   * One stream a connection, so that picture and voice stay in step; with both tracks from the first event on: a player that
   * starts with the voice alone starts anew for the picture.
   */
  #tracksCame() {
    const known = this.remote?.getTracks() ?? [];
    const fresh = this.#link.remoteTracks().filter((track) => !known.includes(track));
    if (this.#closed || fresh.length === 0) return;
    this.remote ??= new MediaStream();
    for (const track of fresh) this.remote.addTrack(track);
    this.dispatchEvent(new CustomEvent("remote", { detail: this.remote }));
  }

  #replaceLink() {
    this.#safety?.stop();
    this.#link.close();
    this.remote = null;
    this.#link = this.#newLink();
    this.#link.setServers(this.#servers);
    this.#watch(this.#link);
  }

  #connection() {
    if (this.#closed) return;
    const state = this.#link.connectionState;
    this.#restarts.follow(state);
    this.#safety?.follow(this.#link.pc, this.peer);
    if (state === "connected") {
      this.#silence.start();
      this.#set("connected", this.path);
      // Not while the first pictures are on their way; and one message that has the path, not one before it.
      setTimeout(() => void this.#readPath().then(() => this.#settled()), SETTLED_AFTER_MS);
      return;
    }
    if ((state === "disconnected" || state === "failed") && this.media === "connected") this.#set("reconnecting", null);
    this.#settled();
  }

  /** The last resort: fresh ICE credentials. Only the side that offers can; the other asks. */
  #restart() {
    if (this.#closed || (this.#link.connectionState === "connected" && !this.#silence.silent)) return;
    if (this.#offers) this.#then(() => this.#sendOffer((this.#generations.get(this.peer) ?? -1) + 1));
    else this.#socket.send({ type: "need_offer", to: this.peer }, { keep: true });
  }

  #interrupted() {
    return this.media !== "connected" || this.#silence.silent;
  }

  /**
   * Nothing comes: perhaps the relay is gone, perhaps this side's network. What is asked here does no harm if it is neither.
   * @param {boolean} silent
   * @param {number} times
   */
  #silenceTold(silent, times) {
    if (!silent) {
      this.#moved = false;
      if (this.#link.connectionState === "connected") this.#restarts.stop();
      void this.#link.refreshPicture();
      return;
    }
    void this.#link.reviveRelays(times > 1);
    this.#socket.nudge(SOCKET_PATIENCE_MS);
  }

  async #readPath() {
    const link = this.#link;
    const path = await link.path().catch(() => null);
    if (!path || this.#closed || link !== this.#link || this.media !== "connected") return;
    this.#set("connected", path);
    this.#settled();
  }

  /** @param {() => Promise<void>} step */
  #then(step) {
    this.#work = this.#work
      .then(() => (this.#closed ? undefined : step()))
      .catch((error) => {
        if (this.#closed) return;
        console.error("call step failed", error);
        // What could not be applied must not stay for ever: ask for, or make, a fresh negotiation.
        this.#restarts.ask();
      });
  }

  #settled() {
    if (!this.#closed) this.dispatchEvent(new Event("settled"));
  }

  /**
   * @param {CallMedia} media
   * @param {CallPath} path
   */
  #set(media, path) {
    if (this.media === media && this.path === path) return;
    this.media = media;
    this.path = path;
    this.dispatchEvent(new Event("state"));
  }
}
