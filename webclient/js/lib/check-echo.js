// The page's end of a connection check's data channel: answers the service's packets, and sends as much as a call does while
// it is asked to. What the packets are stands in signaling/check_meter.py. Knows no connection and no clock.

const PING = 1;
const ECHO = 2;
const LOAD = 3;
const LOAD_SIZE = 1100;
const PING_SIZE = 14;
const ECHO_SIZE = PING_SIZE + 8;
/** bit/s */
const RATE = 1_500_000;
const BIN_MS = 250;
const BINS = 5;
const MOST_MS = 12_000;
/** The service says when to stop; a page that does not hear it stops by itself. */
const LOADED_MS = 4_000;
const BURST = 8;
const MOST_BUFFERED = 8 * 1024;

export class Echo {
  /** Load packets: numbers that came. @type {Set<number>} */
  #got = new Set();
  /** Bytes in each quarter of a second since the first. @type {number[]} */
  #bins = [];
  #first = -1;
  #sent = 0;
  /** Pings of the steady phase that came. */
  #pings = 0;
  /** ms; -1: not asked yet. */
  #since = -1;
  #loading = false;

  /**
   * What is to be answered, if anything.
   * @param {ArrayBuffer} data
   * @param {number} now ms
   * @returns {ArrayBuffer | null}
   */
  received(data, now) {
    const view = new DataView(data);
    if (data.byteLength === LOAD_SIZE && view.getUint8(0) === LOAD) {
      this.#count(view.getUint32(1), now);
      return null;
    }
    if (data.byteLength !== PING_SIZE || view.getUint8(0) !== PING) return null;
    const phase = view.getUint8(1);
    if (phase === 0) this.#pings += 1;
    this.#follow(phase, now);
    const echo = new Uint8Array(ECHO_SIZE);
    echo.set(new Uint8Array(data));
    const answer = new DataView(echo.buffer);
    answer.setUint8(0, ECHO);
    answer.setUint32(PING_SIZE, this.#pings);
    answer.setUint32(PING_SIZE + 4, this.#best());
    return echo.buffer;
  }

  /**
   * What is to be sent now. Call it every 10 ms or so.
   * @param {number} now ms
   * @param {number} buffered bytes that wait in the channel
   * @returns {ArrayBuffer[]}
   */
  tick(now, buffered) {
    if (!this.#loading) return [];
    if (now - this.#since > LOADED_MS) {
      this.#loading = false;
      return [];
    }
    const due = Math.floor(((now - this.#since) * RATE) / 8000 / LOAD_SIZE) + 1;
    const room = Math.max(0, Math.floor((MOST_BUFFERED - buffered) / LOAD_SIZE));
    const packets = [];
    for (let n = Math.min(due - this.#sent, BURST, room); n > 0; n -= 1) {
      const packet = new DataView(new ArrayBuffer(LOAD_SIZE));
      packet.setUint8(0, LOAD);
      packet.setUint32(1, this.#sent);
      packets.push(packet.buffer);
      this.#sent += 1;
    }
    return packets;
  }

  /** @param {number} phase 0: steady, 1: this side sends, above: it has sent enough @param {number} now */
  #follow(phase, now) {
    if (phase === 1 && this.#since < 0) {
      this.#since = now;
      this.#loading = true;
    } else if (phase > 1) {
      this.#loading = false;
    }
  }

  /** @param {number} number @param {number} now */
  #count(number, now) {
    if (this.#got.has(number)) return;
    if (this.#first < 0) this.#first = now;
    if (now - this.#first > MOST_MS) return;
    this.#got.add(number);
    const bin = Math.floor((now - this.#first) / BIN_MS);
    this.#bins[bin] = (this.#bins[bin] ?? 0) + LOAD_SIZE;
  }

  /** The most bytes that came in 1.25 s. */
  #best() {
    let best = 0;
    for (let at = 0; at <= Math.max(0, this.#bins.length - BINS); at += 1) {
      let sum = 0;
      for (let bin = at; bin < at + BINS; bin += 1) sum += this.#bins[bin] ?? 0;
      best = Math.max(best, sum);
    }
    return best;
  }
}
