// The talk of both pages that gives them their safety words (signaling/protocol.md, `safety`): when it begins, what goes out,
// and that words never outlive the connection that they were made for.
import { readFingerprints, theirFingerprint } from "./certificates.js";
import { Answerer, Offerer, sameBytes } from "./safety.js";

/** @typedef {Pick<import("./page-socket.js").PageSocket, "send">} Sender */
/** @typedef {"none" | "waiting" | "words" | "mismatch" | "unable"} SafetyPhase */
/** @typedef {{ phase: SafetyPhase, numbers: number[] }} SafetyState */
/** @typedef {{ from: string, run: number, step: "commit" | "nonce" | "reveal" | "mismatch" | "unable", value: string }} SafetyMessage */

const START_MS = 1_000; // the first pictures come before it
const CHECK_MS = 5_000; // a certificate that changes also changes the connection's state; this only makes sure

/** Events: "state" (`state` has changed). */
export class SafetyTalk extends EventTarget {
  #socket;
  #offers;
  #read;
  #readTheirs;
  /** @type {RTCPeerConnection | null} */
  #pc = null;
  /** @type {string | null} */
  #peer = null;
  /** The talk about one pair of certificates: there is never a second one. @type {Offerer | Answerer | null} */
  #side = null;
  /** The certificate that the words are about, and whether this page could see it. @type {Uint8Array | null} */
  #theirs = null;
  #begun = false;
  #run = 0;
  /** A commitment that came before this page was ready for it. @type {SafetyMessage | null} */
  #early = null;
  /** Grows when what is being computed no longer counts. */
  #turn = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #starting;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #checking;
  /** @type {Promise<void>} */
  #work = Promise.resolve();
  /** @type {SafetyState} */
  #state = { phase: "none", numbers: [] };

  /**
   * @param {{ socket: Sender, offers: boolean, read?: typeof readFingerprints, readTheirs?: typeof theirFingerprint }} options
   */
  constructor({ socket, offers, read = readFingerprints, readTheirs = theirFingerprint }) {
    super();
    this.#socket = socket;
    this.#offers = offers;
    this.#read = read;
    this.#readTheirs = readTheirs;
  }

  get state() {
    return this.#state;
  }

  /**
   * The connection's state has changed.
   * @param {RTCPeerConnection} pc
   * @param {string} peer the other page's instance
   */
  follow(pc, peer) {
    if (pc !== this.#pc || peer !== this.#peer) {
      const early = this.#early?.from === peer ? this.#early : null;
      this.stop();
      this.#pc = pc;
      this.#peer = peer;
      this.#early = early;
    }
    if (pc.connectionState !== "connected") return;
    this.#checking ??= setInterval(() => this.#then(() => this.#check()), CHECK_MS);
    if (this.#begun) this.#then(() => this.#check());
    else this.#startSoon();
  }

  /** The connection is over: its words mean nothing any more. */
  stop() {
    clearInterval(this.#checking);
    this.#checking = undefined;
    this.#forget();
    this.#pc = this.#peer = this.#early = null;
    this.#set("none");
  }

  /** @param {SafetyMessage} message from the page that this one is connected to */
  receive(message) {
    const pc = this.#pc;
    // one that was meant for a connection that has ended since says nothing about the next
    this.#then(async () => (pc === null || pc === this.#pc ? this.#heard(message) : undefined));
  }

  #forget() {
    clearTimeout(this.#starting);
    this.#starting = undefined;
    this.#turn++;
    this.#side = null;
    this.#theirs = null;
    this.#begun = false;
  }

  #startSoon() {
    this.#set("waiting");
    this.#starting ??= setTimeout(() => this.#then(() => this.#begin()), START_MS);
  }

  /** Another certificate than the one that the words are about is another connection. */
  async #check() {
    const pc = this.#pc;
    const turn = this.#turn;
    if (!pc || !this.#begun || !this.#theirs) return;
    const theirs = await this.#readTheirs(pc);
    if (turn !== this.#turn || theirs === null || sameBytes(theirs, this.#theirs)) return;
    this.#forget();
    this.#startSoon();
  }

  async #begin() {
    this.#starting = undefined;
    const pc = this.#pc;
    const turn = this.#turn;
    if (!pc || this.#begun || pc.connectionState !== "connected") return; // `follow` starts again
    const fingerprints = await this.#read(pc).catch(() => null);
    if (turn !== this.#turn) return;
    this.#begun = true;
    this.#theirs = fingerprints?.theirs ?? null;
    const Side = this.#offers ? Offerer : Answerer;
    this.#side = fingerprints && new Side({ fingerprints });
    if (!this.#side) this.#set("unable");
    if (this.#offers) {
      this.#run++;
      const commitment = this.#side instanceof Offerer ? await this.#side.commitment() : null;
      if (turn !== this.#turn) return;
      if (commitment) this.#send("commit", commitment);
      else this.#send("unable");
    }
    const early = this.#early;
    this.#early = null;
    if (early) await this.#heard(early);
  }

  /** @param {SafetyMessage} message */
  async #heard(message) {
    const { step, run, value } = message;
    if (!this.#offers && (step === "commit" || step === "unable")) {
      // About a certificate that this page has perhaps not seen yet.
      await this.#check();
      if (!this.#begun) {
        this.#early = message;
        return;
      }
      if (this.#side instanceof Answerer && step === "commit") {
        const nonce = this.#side.committed(value);
        if (nonce === null) return;
        this.#run = run;
        this.#send("nonce", nonce);
      } else if (step === "commit") {
        this.#run = run;
        this.#send("unable");
      } else if (this.#state.phase === "waiting") this.#set("unable");
      return;
    }
    if (run !== this.#run || !this.#begun) return;
    const turn = this.#turn;
    if (step === "nonce" && this.#side instanceof Offerer) {
      const done = await this.#side.answered(value);
      if (turn !== this.#turn || !done) return;
      this.#send("reveal", done.reveal);
      this.#set("words", done.numbers);
    } else if (step === "reveal" && this.#side instanceof Answerer) {
      const numbers = await this.#side.revealed(value);
      if (turn !== this.#turn || !numbers) return;
      if (numbers === "mismatch") {
        this.#set("mismatch");
        this.#send("mismatch");
      } else this.#set("words", numbers);
    } else if (step === "mismatch" && this.#offers) this.#set("mismatch");
    else if (step === "unable" && this.#state.phase === "waiting") this.#set("unable");
  }

  /**
   * @param {SafetyMessage["step"]} step
   * @param {string} [value]
   */
  #send(step, value = "") {
    if (this.#peer !== null) this.#socket.send({ type: "safety", to: this.#peer, run: this.#run, step, value }, { keep: true });
  }

  /** @param {() => Promise<void>} step one after another */
  #then(step) {
    this.#work = this.#work.then(step).catch((error) => console.error("safety words", error));
  }

  /**
   * @param {SafetyPhase} phase
   * @param {number[]} [numbers]
   */
  #set(phase, numbers = []) {
    if (phase === this.#state.phase && numbers.join() === this.#state.numbers.join()) return;
    this.#state = { phase, numbers };
    this.dispatchEvent(new Event("state"));
  }
}
