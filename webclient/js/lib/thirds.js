// The third persons of a call: a connection of its own to each, beside the one between patient and therapist. None knows of the
// others: one that comes, goes or fails changes nothing of theirs but their share of the uplink.
import { adapt } from "./adapt.js";
import { Pair } from "./pair.js";

/** @typedef {import("./page-socket.js").PageSocket} PageSocket */
/** @typedef {"therapist" | "patient" | "guest"} Role */
/**
 * @typedef {object} Third
 * @property {string} instance
 * @property {Role} role
 * @property {"interpreter" | "carer" | "therapist" | null} kind of a guest
 * @property {boolean} present
 * @property {boolean} muted
 * @property {boolean} cameraOff
 * @property {boolean} soundOnly asks for no picture
 * @property {import("./pair.js").CallMedia} media
 * @property {MediaStream | null} stream
 */

/** Who offers to whom: the lower one. Of two guests the one whose instance sorts first. @type {Record<Role, number>} */
const RANK = { therapist: 0, patient: 1, guest: 2 };

/** Events: "change" (`list`, or something in it, has changed). */
export class Thirds extends EventTarget {
  #socket;
  #role;
  #generations;
  #newLink;
  #media;
  /** @type {Map<string, { pair: Pair, third: Third }>} */
  #all = new Map();
  /** How far the pictures have to give way (lib/adapt.js): the uplink is one. */
  step = 0;

  /**
   * @param {object} options
   * @param {PageSocket} options.socket
   * @param {Role} options.role this page's
   * @param {Map<string, number>} options.generations see Pair
   * @param {(offers: boolean) => import("./peer-link.js").PeerLink} options.newLink
   * @param {import("./own-media.js").OwnMedia} options.media
   */
  constructor({ socket, role, generations, newLink, media }) {
    super();
    this.#socket = socket;
    this.#role = role;
    this.#generations = generations;
    this.#newLink = newLink;
    this.#media = media;
    socket.addEventListener("message", (event) => this.#receive(/** @type {CustomEvent} */ (event).detail));
  }

  /** In the order in which the service names them. @returns {Third[]} */
  get list() {
    return [...this.#all.values()].map(({ third }) => ({ ...third }));
  }

  /** @returns {string[]} */
  get instances() {
    return [...this.#all.keys()];
  }

  /** The peer connections in use, for statistics. */
  get peerConnections() {
    return [...this.#all.values()].map(({ pair }) => pair.link.pc);
  }

  /**
   * Connects with whoever is new, and lets go of whoever is gone.
   * @param {{ policy: string, ice_servers?: RTCIceServer[], others?: { role: Role, kind: Third["kind"], instance: string, present: boolean }[] }} call
   *   the service's message
   */
  follow({ policy, ice_servers = [], others = [] }) {
    const named = new Set(others.map(({ instance }) => instance));
    for (const instance of this.instances) if (!named.has(instance)) this.#close(instance);
    for (const { role, kind, instance, present } of others) {
      const known = this.#all.get(instance);
      if (!known) this.#begin({ role, kind, instance, present, muted: false, cameraOff: false, soundOnly: false, media: "connecting", stream: null }, policy, ice_servers);
      else {
        if (present && !known.third.present) this.#socket.resendNow();
        known.third.present = present;
        known.pair.setServers(ice_servers);
      }
    }
    this.#changed();
  }

  /** The call is over, for this page. */
  close() {
    if (this.#all.size === 0) return;
    for (const instance of this.instances) this.#close(instance);
    this.#changed();
  }

  /**
   * @param {MediaStreamTrack | null} audio
   * @param {MediaStreamTrack | null} video
   */
  setTracks(audio, video) {
    for (const { pair } of this.#all.values()) pair.setTracks(audio, video);
  }

  /** Mute, camera and the rest have changed: all are told. */
  sendStatus() {
    for (const { third } of this.#all.values()) this.#status(third.instance);
  }

  /**
   * The uplink is divided by the connections that use it.
   * @param {number} share how many there are
   */
  divide(share) {
    for (const { pair, third } of this.#all.values()) {
      const picture = !this.#media.soundOnly && !third.soundOnly;
      for (const sender of pair.link.pc.getSenders()) {
        const kind = sender.track?.kind;
        if (kind !== "audio" && kind !== "video") continue;
        const parameters = sender.getParameters();
        if (!adapt(parameters, kind, this.step, picture, share)) continue;
        sender.setParameters(parameters).catch((error) => console.info("not divided", error));
      }
    }
  }

  /**
   * @param {Third} third
   * @param {string} policy
   * @param {RTCIceServer[]} iceServers
   */
  #begin(third, policy, iceServers) {
    const mine = [RANK[this.#role], this.#socket.instance];
    const theirs = [RANK[third.role], third.instance];
    const offers = mine[0] === theirs[0] ? /** @type {string} */ (mine[1]) < /** @type {string} */ (theirs[1]) : Number(mine[0]) < Number(theirs[0]);
    const pair = new Pair({
      socket: this.#socket,
      peer: third.instance,
      offers,
      policy,
      iceServers,
      generations: this.#generations,
      newLink: () => this.#newLink(offers),
    });
    this.#all.set(third.instance, { pair, third });
    pair.addEventListener("state", () => {
      third.media = pair.media;
      this.#changed();
    });
    pair.addEventListener("remote", () => {
      third.stream = pair.remote;
      this.#changed();
    });
    pair.begin();
    if (!this.#media.plain) pair.afterwards(() => this.#status(third.instance)); // the offer is the first message
  }

  /** @param {string} to */
  #status(to) {
    this.#socket.send({ type: "status", to, ...this.#media.status }, { keep: true });
  }

  /** @param {any} message */
  #receive(message) {
    if (message.type !== "status") return;
    const known = this.#all.get(message.from);
    if (!known) return;
    known.third.muted = message.muted;
    known.third.cameraOff = message.camera_off;
    known.third.soundOnly = message.sound_only === true;
    this.#changed();
  }

  /** @param {string} instance */
  #close(instance) {
    this.#all.get(instance)?.pair.close();
    this.#all.delete(instance);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
