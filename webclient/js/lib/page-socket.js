// One WebSocket a page: reconnects by itself, says hello each time, and delivers numbered messages once and in order.
import { Inbox, Outbox } from "./outbox.js";

/** @typedef {import("./outbox.js").Message} Message */
/** @typedef {"idle" | "connecting" | "open" | "lost" | "superseded" | "refused"} SocketState */
/** @typedef {Pick<WebSocket, "send" | "close" | "addEventListener">} AnySocket */

const PING_MS = 20_000;
const SILENCE_MS = 10_000; // after a ping; the server answers in milliseconds
const NUDGE_SILENCE_MS = 3_000;
const HELLO_MS = 10_000;
const RESEND_MS = 1_500;
const RESEND_MOST_MS = 12_000;
const ACK_MS = 250; // several messages, one `got`
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MOST_MS = 15_000;
const STEADY_MS = 5_000; // open this long: the next loss starts the back-off anew
const SLOW_CODES = new Set([1007, 1009, 4400, 4429]); // our own fault: no hurry
const SLOW_ATTEMPT = 4;
const CLOSED_BY_US = 4000;
/** @type {Record<number, SocketState>} */
const FINAL_CODES = { 4401: "refused", 4403: "refused", 4409: "superseded" };
const NUMBERED = new Set(["description", "candidate", "need_offer", "status", "safety", "skip"]);

/**
 * Events: "message" (CustomEvent, detail: a parsed server message; a numbered one comes once and in order),
 * "state" (CustomEvent, detail: SocketState). "open" means that the server has answered `hello`.
 * The page calls `nudge()` when the browser says `online` or the page is shown again.
 */
export class PageSocket extends EventTarget {
  /** @type {AnySocket | null} */
  #ws = null;
  /** @type {SocketState} */
  #state = "idle";
  #wanted = false;
  #fresh = true;
  #attempt = 0;
  #heard = 0;
  #outbox = new Outbox();
  #inbox = new Inbox();
  #resendAfter = RESEND_MS;
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #timers = new Map();
  /** @type {Set<string>} */
  #toAck = new Set();

  /**
   * @param {{ url: string, instance: string, visit?: string | null, WebSocket?: new (url: string) => AnySocket }} options
   *   `instance`: 22 characters base64url drawn by this page load. `visit`: only for a therapist's page, the visit that it
   *   shows (null: none yet); a patient's visit is in the address.
   */
  constructor({ url, instance, visit = null, WebSocket = globalThis.WebSocket }) {
    super();
    this.url = url;
    this.instance = instance;
    /** The therapist's visit, said in every hello; it follows `admit` by itself. @type {string | null} */
    this.visit = visit;
    this.#namesVisit = visit !== null;
    this.WebSocket = WebSocket;
  }

  /** Whether hello may name a visit: only a therapist's does. */
  #namesVisit;

  get state() {
    return this.#state;
  }

  open() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#connect();
  }

  /** For good, until `open()`. */
  close() {
    this.#wanted = false;
    this.#drop(1000);
    this.#stopTimers();
    this.#setState("idle");
  }

  /**
   * The browser is online again, the page is shown, or the media has stopped: do not wait for a timer.
   * @param {number} [patience] ms without an answer until an open connection counts as dead
   */
  nudge(patience = NUDGE_SILENCE_MS) {
    if (!this.#wanted) return;
    if (this.#state === "open") this.#ping(patience);
    else if (this.#ws === null) {
      this.#attempt = 0;
      this.#connect();
    }
  }

  /**
   * Sends now, or not at all; with `keep` it is numbered, kept until the other page (`to`) has it, and sent again.
   * @param {Message} message
   * @param {{ keep?: boolean, sent?: boolean }} [options] `sent`: it went out in another message (`admit`); only keep it
   * @returns {boolean} whether it went out now
   */
  send(message, { keep = false, sent = false } = {}) {
    if (message.type === "admit") this.#namesVisit = true;
    if (!keep) return this.#write(message);
    const numbered = this.#outbox.keep(String(message.to), message);
    this.#startTimer("resend", this.#resendAfter, () => this.#resend());
    return sent || this.#write(numbered);
  }

  /**
   * The others' current pages: what waits for any other is dropped.
   * @param {string[]} instances
   */
  setPeers(instances) {
    this.#outbox.only(instances);
  }

  /** Sends everything unconfirmed again: the peer has come back. */
  resendNow() {
    this.#resendAfter = RESEND_MS;
    this.#resend();
  }

  #connect() {
    this.#stopTimers();
    this.#setState("connecting");
    const ws = new this.WebSocket(this.url);
    this.#ws = ws;
    ws.addEventListener("open", () => {
      if (ws !== this.#ws) return;
      /** @type {Message} */
      const hello = { type: "hello", instance: this.instance, fresh: this.#fresh };
      if (this.#namesVisit && this.visit) hello.visit = this.visit;
      ws.send(JSON.stringify(hello));
    });
    ws.addEventListener("message", (event) => {
      if (ws === this.#ws) this.#receive(/** @type {MessageEvent} */ (event).data);
    });
    ws.addEventListener("close", (event) => {
      if (ws === this.#ws) this.#closed(/** @type {CloseEvent} */ (event).code);
    });
    this.#startTimer("hello", HELLO_MS, () => this.#abandon());
  }

  /** @param {number} code */
  #closed(code) {
    this.#ws = null;
    this.#stopTimers();
    const final = FINAL_CODES[code];
    if (final || !this.#wanted) {
      this.#wanted = false;
      this.#setState(final ?? "idle");
      return;
    }
    this.#setState("lost");
    if (SLOW_CODES.has(code)) this.#attempt = Math.max(this.#attempt, SLOW_ATTEMPT);
    // Full jitter: after a restart of the service its pages must not come back all at once.
    const most = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** this.#attempt++);
    this.#startTimer("reconnect", Math.random() * most, () => this.#connect());
  }

  /** The connection is dead, whatever the browser thinks. */
  #abandon() {
    this.#drop(CLOSED_BY_US);
    this.#closed(CLOSED_BY_US);
  }

  /** @param {number} code */
  #drop(code) {
    const ws = this.#ws;
    this.#ws = null;
    ws?.close(code);
  }

  /** @param {unknown} data */
  #receive(data) {
    this.#heard++;
    /** @type {Message & { from?: string, seq?: number }} */
    const message = JSON.parse(String(data));
    if (message.type === "welcome") this.#welcomed();
    if (message.type === "call") this.visit = String(message.visit);
    if (message.type === "got") {
      if (this.#outbox.got(String(message.from), Number(message.seq))) this.#resendAfter = RESEND_MS;
      return;
    }
    if (message.type === "refused" && message.code === "bad_peer") return; // a `call` with the new peer is on its way
    if (NUMBERED.has(message.type) && message.seq) {
      const from = String(message.from);
      const taken = this.#inbox.take(from, message.seq);
      if (taken !== "hole") this.#ack(from);
      if (taken !== "new" || message.type === "skip") return;
    }
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }

  #welcomed() {
    this.#fresh = false;
    this.#stopTimer("hello");
    this.#startTimer("steady", STEADY_MS, () => (this.#attempt = 0));
    this.#startTimer("ping", PING_MS, () => this.#ping(SILENCE_MS));
    this.#setState("open");
    this.resendNow();
  }

  /** @param {number} patience ms without an answer until the connection counts as dead */
  #ping(patience) {
    const heard = this.#heard;
    this.#write({ type: "ping" });
    this.#startTimer("ping", patience, () => {
      if (this.#heard === heard) this.#abandon();
      else this.#startTimer("ping", PING_MS, () => this.#ping(SILENCE_MS));
    });
  }

  #resend() {
    const waiting = this.#outbox.waiting();
    if (!waiting.length || this.#state !== "open") return;
    for (const message of waiting) this.#write(message);
    this.#resendAfter = Math.min(RESEND_MOST_MS, this.#resendAfter * 2);
    this.#stopTimer("resend");
    this.#startTimer("resend", this.#resendAfter, () => this.#resend());
  }

  /** @param {string} to */
  #ack(to) {
    this.#toAck.add(to);
    this.#startTimer("ack", ACK_MS, () => {
      for (const peer of this.#toAck) this.#write({ type: "got", to: peer, seq: this.#inbox.last(peer) });
      this.#toAck.clear();
    });
  }

  /** @param {Message} message */
  #write(message) {
    if (this.#state !== "open" || !this.#ws) return false;
    this.#ws.send(JSON.stringify(message));
    return true;
  }

  /** @param {SocketState} state */
  #setState(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }

  /**
   * One timer a name. "ack" and "resend" that already run are left to run: messages must not put them off for ever.
   * @param {string} name
   * @param {number} ms
   * @param {() => void} then
   */
  #startTimer(name, ms, then) {
    if (this.#timers.has(name)) {
      if (name === "ack" || name === "resend") return;
      this.#stopTimer(name);
    }
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      then();
    }, ms);
    this.#timers.set(name, timer);
  }

  /** @param {string} name */
  #stopTimer(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  #stopTimers() {
    for (const name of [...this.#timers.keys()]) this.#stopTimer(name);
  }
}
