// Safety words (docs/safety-words.md): four numbers below 256 that are the same on both pages of a call if, and only if,
// both see the certificates that both use. Nothing here sends or reads anything: bytes in, bytes out.
import { WORDS } from "./safety-words.js";

/** @typedef {{ own: Uint8Array, theirs: Uint8Array }} Fingerprints SHA-256 of both DTLS certificates, as this page's transport has them */
/** @typedef {Pick<SubtleCrypto, "digest">} Digests */

export const NONCE_BYTES = 16;
const HASH_BYTES = 32;
const NUMBERS = 4; // 32 bits: who sits between has one guess a connection, so one chance in 4 billion
const PROTOCOL = "twenty-minutes safety words 1";

/** @param {{ getRandomValues(bytes: Uint8Array<ArrayBuffer>): Uint8Array }} [source] */
export function newNonce(source = globalThis.crypto) {
  return source.getRandomValues(new Uint8Array(NONCE_BYTES));
}

/**
 * The side that speaks first. It binds itself to its nonce before it knows the other's, and shows it afterwards: so
 * neither side, nor anybody between them, can choose a nonce that makes the words come out as wanted.
 */
export class Offerer {
  #done = false;

  /** @param {{ fingerprints: Fingerprints, nonce?: Uint8Array, subtle?: Digests }} options */
  constructor({ fingerprints, nonce = newNonce(), subtle = globalThis.crypto.subtle }) {
    this.fingerprints = check(fingerprints);
    this.nonce = exactly(nonce, NONCE_BYTES);
    this.subtle = subtle;
  }

  /** What goes first. @returns {Promise<string>} */
  async commitment() {
    return toText(await commit(this.subtle, "offerer", this.fingerprints.own, this.nonce));
  }

  /**
   * The answerer's nonce has come. Only the first one counts: a second would be another throw of the dice.
   * @param {string} text
   * @returns {Promise<{ reveal: string, numbers: number[] } | null>} null: not the first, or no nonce
   */
  async answered(text) {
    const theirs = fromText(text, NONCE_BYTES);
    if (this.#done || theirs === null) return null;
    this.#done = true;
    const { own, theirs: other } = this.fingerprints;
    return { reveal: toText(this.nonce), numbers: await numbers(this.subtle, own, other, this.nonce, theirs) };
  }
}

/** The side that takes the commitment, says its nonce, and checks what the other then shows. */
export class Answerer {
  /** @type {Uint8Array | null} */
  #commitment = null;
  #done = false;

  /** @param {{ fingerprints: Fingerprints, nonce?: Uint8Array, subtle?: Digests }} options */
  constructor({ fingerprints, nonce = newNonce(), subtle = globalThis.crypto.subtle }) {
    this.fingerprints = check(fingerprints);
    this.nonce = exactly(nonce, NONCE_BYTES);
    this.subtle = subtle;
  }

  /**
   * Only the first commitment counts, as above.
   * @param {string} text
   * @returns {string | null} this side's nonce, to be sent now; null: not the first, or no commitment
   */
  committed(text) {
    const commitment = fromText(text, HASH_BYTES);
    if (this.#commitment || commitment === null) return null;
    this.#commitment = commitment;
    return toText(this.nonce);
  }

  /**
   * Whether the shown nonce, with the certificate that this page's transport sees, is what the other side was bound to.
   * @param {string} text
   * @returns {Promise<number[] | "mismatch" | null>} null: nothing was committed, or this was done before
   */
  async revealed(text) {
    if (!this.#commitment || this.#done) return null;
    this.#done = true;
    const nonce = fromText(text, NONCE_BYTES);
    if (nonce === null) return "mismatch";
    const { own, theirs } = this.fingerprints;
    const expected = await commit(this.subtle, "offerer", theirs, nonce);
    return sameBytes(expected, this.#commitment) ? numbers(this.subtle, theirs, own, nonce, this.nonce) : "mismatch";
  }
}

/**
 * The numbers as words. The numbers themselves are what both languages have in common.
 * @param {number[]} values
 * @param {string} language a tag such as "fr-CA"; all but French get English
 */
export function safetyWords(values, language) {
  const words = language.toLowerCase().startsWith("fr") ? WORDS.fr : WORDS.en;
  return values.map((value) => words[value] ?? "");
}

/**
 * @param {BufferSource} certificate DER
 * @param {Digests} [subtle]
 */
export async function fingerprintOf(certificate, subtle = globalThis.crypto.subtle) {
  return new Uint8Array(await subtle.digest("SHA-256", certificate));
}

/**
 * @param {Uint8Array | null} a
 * @param {Uint8Array | null} b
 */
export function sameBytes(a, b) {
  return a !== null && b !== null && a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/**
 * @param {Digests} subtle
 * @param {string} role
 * @param {Uint8Array} fingerprint
 * @param {Uint8Array} nonce
 */
function commit(subtle, role, fingerprint, nonce) {
  return hash(subtle, `commitment of the ${role}`, fingerprint, nonce);
}

/**
 * @param {Digests} subtle
 * @param {Uint8Array} offerer
 * @param {Uint8Array} answerer
 * @param {Uint8Array} offererNonce
 * @param {Uint8Array} answererNonce
 */
async function numbers(subtle, offerer, answerer, offererNonce, answererNonce) {
  const whole = await hash(subtle, "words", offerer, answerer, offererNonce, answererNonce);
  return [...whole.subarray(0, NUMBERS)];
}

/**
 * Every part has a fixed length and the purpose stands in front, so two different inputs never make the same bytes.
 * @param {Digests} subtle
 * @param {string} purpose
 * @param {Uint8Array[]} parts
 */
async function hash(subtle, purpose, ...parts) {
  const head = new TextEncoder().encode(`${PROTOCOL}\0${purpose}\0`);
  const all = new Uint8Array(head.length + parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of [head, ...parts]) {
    all.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await subtle.digest("SHA-256", all));
}

/** @param {Fingerprints} both */
function check(both) {
  return { own: exactly(both.own, HASH_BYTES), theirs: exactly(both.theirs, HASH_BYTES) };
}

/**
 * @param {Uint8Array} bytes
 * @param {number} length
 */
function exactly(bytes, length) {
  if (bytes.length !== length) throw new RangeError(`${bytes.length} bytes in the place of ${length}`);
  return bytes;
}

/** @param {Uint8Array} bytes base64url without padding, as everywhere in the protocol */
function toText(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/**
 * @param {string} text
 * @param {number} length in bytes
 * @returns {Uint8Array | null} null: not exactly that many bytes
 */
function fromText(text, length) {
  if (text.length !== Math.ceil((length * 4) / 3) || !/^[\w-]*$/.test(text)) return null;
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
