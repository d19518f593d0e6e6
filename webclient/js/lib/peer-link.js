// One RTCPeerConnection towards one page of the other side. It knows media and ICE, and nothing of messages.

/** @typedef {import("./pair.js").CallPath} CallPath */
/** @typedef {{ candidate: string, address: string, port: number, protocol: "udp" | "tcp", via: "relay" | "direct" }} RelayCandidate */

/** @type {RTCConfiguration} */
const CONFIGURATION = {
  // "all" under every policy: browsers have no local relay candidate for our relay (it looks like the other browser).
  iceTransportPolicy: "all",
  iceServers: [],
  bundlePolicy: "max-bundle",
  rtcpMuxPolicy: "require",
};
const KINDS = /** @type {const} */ (["audio", "video"]);

// The relay's UDP has this head start: a call that a busy moment has put on TCP stays there, and ends with that connection.
const TCP_AFTER_MS = 500;

const RAISE = 10_000; // above the relays' own priorities, far below everything direct

/** Events: "candidate" (one more is in `gathered`), "state", "track", "path". */
export class PeerLink extends EventTarget {
  /** What this side may have to send, in the form of `candidate`. @type {{ generation: number, candidate: string, mid: string }[]} */
  gathered = [];
  /** Generation of the description that stands on each side; -1: none yet. */
  localGeneration = -1;
  remoteGeneration = -1;
  /** @type {(RelayCandidate & { generation: number })[]} */
  #relays = [];
  /** @type {Record<"audio" | "video", MediaStreamTrack | null>} */
  #tracks = { audio: null, video: null };
  #offered = false;
  #raised = 0;
  #servers = "[]";

  /** @param {typeof RTCPeerConnection} PeerConnection */
  constructor(PeerConnection) {
    super();
    this.pc = new PeerConnection(CONFIGURATION);
    this.pc.addEventListener("icecandidate", ({ candidate }) => {
      // null and "" mean the end of candidates, which is never sent: the relay's come later.
      if (!candidate?.candidate) return;
      this.gathered.push({ generation: this.localGeneration, candidate: candidate.candidate, mid: candidate.sdpMid ?? "0" });
      this.dispatchEvent(new Event("candidate"));
    });
    this.pc.addEventListener("connectionstatechange", () => {
      if (this.pc.connectionState === "connected") this.#watchPath();
      this.dispatchEvent(new Event("state"));
    });
    this.pc.addEventListener("track", () => this.dispatchEvent(new Event("track")));
  }

  get connectionState() {
    return this.pc.connectionState;
  }

  /**
   * The clinic's TURN servers, with credentials that expire. A generation whose description is made already does without.
   * @param {RTCIceServer[]} iceServers
   */
  setServers(iceServers) {
    const text = JSON.stringify(iceServers);
    if (text === this.#servers || this.pc.signalingState === "closed") return;
    this.#servers = text;
    this.pc.setConfiguration({ ...CONFIGURATION, iceServers });
  }

  /** The m-lines exist even without camera and microphone, so a track can come later without another offer. */
  #addTransceivers() {
    if (this.pc.getTransceivers().length) return;
    for (const kind of KINDS) this.pc.addTransceiver(kind, { direction: "sendrecv" });
  }

  /**
   * @param {number} generation
   * @returns {Promise<string>} the offer's SDP; set as local description
   */
  async offer(generation) {
    this.#addTransceivers();
    const tracks = this.#replaceTracks();
    const description = await this.pc.createOffer({ iceRestart: this.localGeneration >= 0 });
    this.localGeneration = generation;
    await this.pc.setLocalDescription(description);
    await tracks;
    return description.sdp ?? "";
  }

  /**
   * Who answers: microphone and camera are attached before the offer comes. It takes transceivers that `addTrack` made
   * (JSEP, RFC 8829 §5.10), so that nothing has to be attached while the other side waits. Not while an offer is being
   * applied: Chromium would then give the other side's tracks to nobody. `answer` takes them a moment later.
   */
  attach() {
    if (this.#offered) return;
    for (const kind of KINDS) {
      const track = this.#tracks[kind];
      const known = this.pc.getTransceivers().some((one) => one.receiver.track.kind === kind);
      if (track && !known) this.pc.addTrack(track);
    }
  }

  /**
   * @param {string} sdp
   * @param {number} generation
   * @returns {Promise<string>} the answer's SDP; nothing waits for candidates
   */
  async answer(sdp, generation) {
    this.#offered = true;
    await this.pc.setRemoteDescription({ type: "offer", sdp });
    this.remoteGeneration = generation;
    for (const transceiver of this.pc.getTransceivers()) transceiver.direction = "sendrecv";
    const tracks = this.#replaceTracks();
    this.localGeneration = generation;
    await this.pc.setLocalDescription(); // an answer: one step less than to make and to set it
    await tracks;
    return this.pc.localDescription?.sdp ?? "";
  }

  /**
   * @param {string} sdp
   * @param {number} generation
   */
  async accept(sdp, generation) {
    if (generation !== this.localGeneration || this.pc.signalingState !== "have-local-offer") return;
    await this.pc.setRemoteDescription({ type: "answer", sdp });
    this.remoteGeneration = generation;
  }

  /**
   * @param {MediaStreamTrack | null} audio
   * @param {MediaStreamTrack | null} video
   */
  setTracks(audio, video) {
    this.#tracks = { audio, video };
    return this.#replaceTracks();
  }

  /** The first transceiver of each kind carries microphone and camera. */
  async #replaceTracks() {
    const transceivers = this.pc.getTransceivers();
    await Promise.all(
      KINDS.map((kind) => {
        const sender = transceivers.find((one) => one.receiver.track.kind === kind)?.sender;
        return sender && sender.track !== this.#tracks[kind] ? sender.replaceTrack(this.#tracks[kind]) : undefined;
      }),
    );
  }

  /**
   * @param {string} candidate
   * @param {string} mid
   */
  async addCandidate(candidate, mid) {
    const usernameFragment = / ufrag (\S+)/.exec(candidate)?.[1];
    try {
      await this.pc.addIceCandidate({ candidate, sdpMid: mid, usernameFragment });
    } catch (error) {
      // One candidate that this browser does not take (a family or a protocol that it lacks) is no failure of the call.
      console.info("candidate not taken", error);
    }
  }

  /** @param {RelayCandidate[]} candidates */
  async addRelay(candidates) {
    const generation = this.remoteGeneration;
    const relays = candidates.filter((candidate) => candidate.via === "relay");
    const known = new Set(this.#relays.map(({ candidate }) => candidate));
    this.#relays.push(...relays.filter(({ candidate }) => !known.has(candidate)).map((one) => ({ ...one, generation })));
    const tcp = relays.filter(({ protocol }) => protocol === "tcp");
    if (tcp.length) setTimeout(() => this.connectionState === "connected" || void this.#add(tcp), TCP_AFTER_MS);
    await this.#add(candidates.filter((one) => !tcp.includes(one)));
  }

  /**
   * The way in use says nothing: the relays' other addresses, a second relay's among them, are told again with a higher
   * priority than before. Chromium gives up pairs below the one in use unchecked, and leaves that one only after 3.5 s.
   * @param {boolean} tcp over TCP as well
   */
  async reviveRelays(tcp) {
    const used = this.pc.getSenders()[0]?.transport?.iceTransport?.getSelectedCandidatePair?.()?.remote;
    const others = this.#relays.filter(
      ({ generation, address, port, protocol }) =>
        generation === this.remoteGeneration &&
        (protocol === "tcp" ? tcp : !(port === used?.port && sameAddress(address, used?.address ?? undefined))),
    );
    this.#raised += RAISE;
    await this.#add(others.map((one) => ({ ...one, candidate: raised(one.candidate, this.#raised) })));
  }

  /**
   * A whole picture at once: the other side's request for one was lost with everything else, and browsers wait three seconds
   * before they ask again. A browser that does not know the option ignores it.
   */
  async refreshPicture() {
    const senders = this.pc.getSenders().filter(({ track }) => track?.kind === "video");
    await Promise.all(
      senders.map((sender) => {
        const parameters = sender.getParameters();
        const whole = { encodingOptions: parameters.encodings.map(() => ({ keyFrame: true })) };
        return sender.setParameters(parameters, whole);
      }),
    ).catch((error) => console.info("no whole picture", error));
  }

  /** @param {RelayCandidate[]} candidates */
  async #add(candidates) {
    if (this.connectionState === "closed") return;
    await Promise.all(candidates.map(({ candidate }) => this.addCandidate(candidate, "0")));
  }

  /**
   * Which way the packets go, from the pair in use: the relay's addresses are known, all else is direct.
   * @returns {Promise<CallPath>}
   */
  async path() {
    if (this.pc.connectionState !== "connected") return null;
    // Where the browser says it at once: statistics cost every thread of the call some milliseconds.
    const chosen = this.pc.getSenders()[0]?.transport?.iceTransport?.getSelectedCandidatePair?.();
    if (chosen?.remote?.address && chosen.remote.port) return this.#way(chosen.remote, chosen.local?.type);
    const stats = await this.pc.getStats();
    const all = [...stats.values()];
    const transport = all.find((one) => one.type === "transport" && one.selectedCandidatePairId);
    const pair = transport
      ? stats.get(transport.selectedCandidatePairId)
      : all.find((one) => one.type === "candidate-pair" && one.selected); // Firefox
    const remote = pair && stats.get(pair.remoteCandidateId);
    return remote ? this.#way({ ...remote, type: remote.candidateType }, stats.get(pair.localCandidateId)?.candidateType) : null;
  }

  /**
   * @param {{ protocol?: string | null, address?: string | null, port?: number | null, type?: string | null }} remote
   * @param {string | null} [ours] type of this side's candidate
   * @returns {CallPath}
   */
  #way(remote, ours) {
    // Over TCP the remote candidate's port may be missing or 9: a TCP pair is always the relay, pages offer no TCP.
    if (remote.protocol === "tcp") return "relay-tcp";
    const relayed = this.#relays.some(({ address, port }) => sameAddress(address, remote.address ?? undefined) && port === remote.port);
    // A candidate of that type, on either side, is a TURN server's.
    return relayed || ours === "relay" || remote.type === "relay" ? "relay" : "direct";
  }

  #watchPath() {
    const transport = this.pc.getSenders()[0]?.transport?.iceTransport;
    if (transport) transport.onselectedcandidatepairchange = () => this.dispatchEvent(new Event("path"));
  }

  /** What the other side sends, or may begin to send. */
  remoteTracks() {
    return this.pc.getReceivers().map((receiver) => receiver.track);
  }

  close() {
    this.pc.close();
  }
}

/**
 * @param {string} candidate
 * @param {number} by
 */
function raised(candidate, by) {
  return candidate.replace(/^(\S+ \d+ udp )(\d+)/, (_, head, priority) => `${head}${Number(priority) + by}`);
}

/**
 * @param {string} a
 * @param {string | undefined} b some browsers put brackets around IPv6
 */
function sameAddress(a, b) {
  return a.toLowerCase() === b?.toLowerCase().replace(/^\[|\]$/g, "");
}
