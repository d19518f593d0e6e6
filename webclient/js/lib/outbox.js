// Numbered messages between two pages (signaling/protocol.md, "Ground rules"): kept until the other page has them.

/** @typedef {Record<string, unknown> & { type: string }} Message */
/** @typedef {Message & { to: string, seq: number }} NumberedMessage */

/** What this page has sent and the other has not confirmed. */
export class Outbox {
  /** @type {Map<string, { last: number, waiting: NumberedMessage[] }>} */
  #peers = new Map();

  /**
   * Gives the message its number and keeps it.
   * @param {string} to the receiving page's instance
   * @param {Message} message
   * @returns {NumberedMessage}
   */
  keep(to, message) {
    const peer = this.#peers.get(to) ?? { last: 0, waiting: [] };
    this.#peers.set(to, peer);
    const numbered = { ...message, to, seq: ++peer.last };
    peer.waiting.push(numbered);
    return numbered;
  }

  /**
   * The other page has everything up to `seq`. True if that is news.
   * @param {string} from
   * @param {number} seq
   */
  got(from, seq) {
    const peer = this.#peers.get(from);
    if (!peer) return false;
    const before = peer.waiting.length;
    peer.waiting = peer.waiting.filter((message) => message.seq > seq);
    return peer.waiting.length < before;
  }

  /** Everything unconfirmed, in order. */
  waiting() {
    return [...this.#peers.values()].flatMap((peer) => peer.waiting);
  }

  /**
   * Drops what waits for any other page than these: it will never come back. The numbers stay.
   * @param {string[]} peers
   */
  only(peers) {
    for (const [instance, entry] of this.#peers) if (!peers.includes(instance)) entry.waiting = [];
  }
}

/** What this page has received: each number once, in order, without holes. */
export class Inbox {
  /** @type {Map<string, number>} */
  #last = new Map();

  /**
   * @param {string} from
   * @param {number} seq
   * @returns {"new" | "duplicate" | "hole"}
   */
  take(from, seq) {
    const last = this.last(from);
    if (seq <= last) return "duplicate";
    if (seq > last + 1) return "hole";
    this.#last.set(from, seq);
    return "new";
  }

  /** @param {string} from */
  last(from) {
    return this.#last.get(from) ?? 0;
  }
}
