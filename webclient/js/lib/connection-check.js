// One connection check: two connections to the service through the relay that a call would use, one over UDP and one over
// TCP. The service measures; this side answers. A socket of its own, which carries nothing else. No document here.
import { Echo } from "./check-echo.js";

/** @typedef {"udp" | "tcp"} Way */
/**
 * @typedef {object} Found what the service says in the end
 * @property {"good" | "fair" | "bad"} verdict
 * @property {string} start_mode
 * @property {string | null} trouble
 * @property {boolean | null} udp
 * @property {boolean | null} tcp
 * @property {number | null} rtt_ms
 * @property {number | null} jitter_ms
 * @property {number | null} loss
 * @property {number | null} kbps_up
 * @property {number | null} kbps_down
 */
/** @typedef {{ found: Found } | { reason: string }} Outcome `reason`: why nothing was measured */

/** A check that has begun takes ten seconds at most; then come the result and its writing down. */
const MEASURED_MS = 15_000;
/** Who waits in line hears of each step. On a line that carries nothing a socket does not say that it is dead. */
const SILENT_MS = 20_000;
const TICK_MS = 10;
/** @type {readonly Way[]} */
const WAYS = ["udp", "tcp"];

/** Events: "queued" {ahead}, "begun": it is our turn. */
export class ConnectionCheck extends EventTarget {
  /** @type {Map<Way, RTCPeerConnection>} */
  #peers = new Map();
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {ReturnType<typeof setInterval>[]} */
  #timers = [];
  /** @type {((outcome: Outcome) => void) | null} */
  #done = null;
  #url;

  /** @param {string} url the check's WebSocket */
  constructor(url) {
    super();
    this.#url = url;
  }

  /**
   * Never throws. "stopped" when `stop` was called, "unsupported" where the browser has no connections of this kind.
   * @returns {Promise<Outcome>}
   */
  async run() {
    if (!("RTCPeerConnection" in globalThis)) return { reason: "unsupported" };
    /** @type {Promise<Outcome>} */
    const outcome = new Promise((resolve) => (this.#done = resolve));
    void this.#begin().catch((error) => {
      console.error("the connection check did not begin", error);
      this.#end({ reason: "failed" });
    });
    return outcome;
  }

  stop() {
    this.#end({ reason: "stopped" });
  }

  #alive() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#end({ reason: "failed" }), SILENT_MS);
  }
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;

  async #begin() {
    this.#alive();
    const [udp, tcp] = await Promise.all(WAYS.map((way) => this.#offer(way)));
    if (!this.#done) return; // stopped meanwhile
    const socket = (this.#socket = new WebSocket(this.#url));
    socket.addEventListener("open", () => socket.send(JSON.stringify({ type: "check_begin", udp, tcp })));
    socket.addEventListener("message", (event) => void this.#heard(JSON.parse(String(event.data))).catch(() => this.#end({ reason: "failed" })));
    socket.addEventListener("close", (event) => this.#end({ reason: event.code === 4409 ? "superseded" : "failed" }));
  }

  /** @param {Way} way */
  async #offer(way) {
    const peer = new RTCPeerConnection();
    this.#peers.set(way, peer);
    const channel = peer.createDataChannel("check", { ordered: false, maxRetransmits: 0 });
    channel.binaryType = "arraybuffer";
    const echo = new Echo();
    channel.addEventListener("message", ({ data }) => {
      if (!(data instanceof ArrayBuffer)) return;
      const answer = echo.received(data, performance.now());
      if (answer) this.#send(channel, answer);
    });
    channel.addEventListener("open", () => {
      this.#timers.push(
        setInterval(() => {
          for (const packet of echo.tick(performance.now(), channel.bufferedAmount)) this.#send(channel, packet);
        }, TICK_MS),
      );
    });
    await peer.setLocalDescription();
    return peer.localDescription?.sdp ?? "";
  }

  /** @param {RTCDataChannel} channel @param {ArrayBuffer} packet */
  #send(channel, packet) {
    if (channel.readyState === "open") channel.send(packet);
  }

  /** @param {{ type: string, ahead?: number, way?: Way, sdp?: string, candidates?: string[], reason?: string } & Record<string, unknown>} message */
  async #heard(message) {
    if (this.#done) this.#alive();
    if (message.type === "check_queued") {
      this.dispatchEvent(new CustomEvent("queued", { detail: { ahead: message.ahead ?? 0 } }));
    } else if (message.type === "check_answer" && message.way && this.#peers.has(message.way)) {
      this.#started();
      const peer = /** @type {RTCPeerConnection} */ (this.#peers.get(message.way));
      await peer.setRemoteDescription({ type: "answer", sdp: message.sdp ?? "" });
      for (const candidate of message.candidates ?? []) {
        await peer.addIceCandidate({ candidate, sdpMLineIndex: 0 }).catch(() => undefined); // one of a kind that it does not know
      }
    } else if (message.type === "check_result") {
      const { type, ...found } = message;
      this.#end({ found: /** @type {Found} */ (/** @type {unknown} */ (found)) });
    } else if (message.type === "check_failed") {
      this.#end({ reason: message.reason ?? "failed" });
    }
  }

  /** The first answer: from now on it takes so long at most. */
  #started() {
    if (this.#began) return;
    this.#began = true;
    this.dispatchEvent(new CustomEvent("begun"));
    this.#timers.push(setTimeout(() => this.#end({ reason: "failed" }), MEASURED_MS));
  }
  #began = false;

  /** @param {Outcome} outcome */
  #end(outcome) {
    const done = this.#done;
    this.#done = null;
    clearTimeout(this.#silence);
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
    this.#socket?.close();
    this.#socket = null;
    done?.(outcome);
  }
}
