// The visit's chat. The service is the store: a message is kept here only until it comes back with its number, and is sent again
// after each reconnect until then. What has come while the page was away is asked for.
import { newInstance } from "./page.js";

/** @typedef {import("./page-socket.js").PageSocket} PageSocket */
/** @typedef {{ seq: number, id: string, role: "patient" | "therapist", at: string, text: string, own: boolean, name: string | null }} Line a stored message */
/** @typedef {{ id: string, text: string, failed: boolean }} Pending one that is not stored yet, as far as this page knows */

export const MOST_CHARACTERS = 2000;
const AGAIN_MS = 2_000;
const FIRST_MS = 1_500; // the first pictures of a call go before it

/**
 * What a person has typed, as the service takes it: line breaks are the only control characters.
 * @param {string} text
 */
export function cleanText(text) {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\r\n?/g, "\n").replace(/\t/g, " ").replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, "").trim().slice(0, MOST_CHARACTERS);
}

/**
 * Events: "change" (something of `lines`, `pending` or `open`), "line" (detail: Line, one of the other side's that has come
 * while this page was there), "whole" (what was written before this page has come), "anew" (another visit: nothing of the last
 * one may stay).
 */
export class Chat extends EventTarget {
  #socket;
  #visit = "";
  /** The page has all lines up to this number. */
  #whole = 0;
  /** @type {Map<number, Line>} */
  #lines = new Map();
  #asked = false;
  /** The first answer is the conversation so far; what comes after it is new. */
  #caughtUp = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;
  /** @type {Pending[]} */
  pending = [];
  /** Messages can be written. */
  open = false;

  /** @param {{ socket: PageSocket, firstMs?: number }} options */
  constructor({ socket, firstMs = FIRST_MS }) {
    super();
    this.#socket = socket;
    this.firstMs = firstMs;
    socket.addEventListener("message", (event) => this.#receive(/** @type {CustomEvent} */ (event).detail));
    socket.addEventListener("state", () => (this.#asked = false));
  }

  get visit() {
    return this.#visit;
  }

  /** In their order. */
  get lines() {
    return [...this.#lines.values()].sort((a, b) => a.seq - b.seq);
  }

  /**
   * Gives false for what is no message.
   * @param {string} text
   */
  say(text) {
    const clean = cleanText(text);
    if (!clean || !this.open) return false;
    const message = { id: newInstance(), text: clean, failed: false };
    this.pending.push(message);
    this.#send(message);
    this.#changed();
    return true;
  }

  /** @param {Pending} message */
  #send(message) {
    this.#socket.send({ type: "chat", id: message.id, text: message.text });
  }

  /** @param {any} message a server message (signaling/protocol.md) */
  #receive(message) {
    switch (message.type) {
      case "call":
        return this.#met(message.visit);
      case "chat":
        return this.#came(message);
      case "chats":
        if (message.last > this.#whole) return this.#ask();
        if (this.#caughtUp) return;
        this.#caughtUp = true;
        this.dispatchEvent(new Event("whole"));
        return;
      case "ended":
        this.open = false;
        this.#asked = false; // the same visit may go on: then it asks again
        for (const one of this.pending) one.failed = true;
        return this.#changed();
      case "refused":
        if (message.about === "chat" || message.about === "chats") this.#refused(message);
    }
  }

  /** @param {string} visit */
  #met(visit) {
    if (visit !== this.#visit) {
      this.#visit = visit;
      this.#lines.clear();
      this.#whole = 0;
      this.pending = [];
      this.#asked = this.#caughtUp = false;
      this.dispatchEvent(new Event("anew"));
    }
    this.open = true;
    if (this.#asked) return;
    this.#asked = true;
    if (this.#caughtUp || this.firstMs === 0) this.#ask();
    else setTimeout(() => visit === this.#visit && this.open && this.#ask(), this.firstMs);
    for (const one of this.pending) if (!one.failed) this.#send(one); // what was called lost may have been written anew
    this.#changed();
  }

  #ask() {
    this.#socket.send({ type: "chats", after: this.#whole });
  }

  /** @param {Line} line */
  #came({ seq, id, role, at, text, own, name }) {
    if (own) this.pending = this.pending.filter((one) => one.id !== id);
    if (this.#lines.has(seq)) return this.#changed();
    const line = { seq, id, role, at, text, own, name };
    this.#lines.set(seq, line);
    while (this.#lines.has(this.#whole + 1)) this.#whole++;
    if (!own && this.#caughtUp) this.dispatchEvent(new CustomEvent("line", { detail: line }));
    this.#changed();
  }

  /** @param {{ about: string, code: string }} message */
  #refused({ about, code }) {
    if (code === "unavailable") {
      clearTimeout(this.#again);
      this.#again = setTimeout(() => {
        if (this.#socket.state !== "open") return; // the next connection asks and sends by itself
        if (about === "chats") this.#ask();
        else for (const one of this.pending) this.#send(one);
      }, AGAIN_MS);
      return;
    }
    if (about === "chats") return;
    for (const one of this.pending) one.failed = true;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
