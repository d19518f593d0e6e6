// Renders the visit's clock. The service alone decides; this only counts between two of its messages.

/**
 * @typedef {object} ClockMessage
 * @property {"before" | "running" | "wrap_up" | "held" | "ended"} phase
 * @property {string} server_now ISO 8601
 * @property {string | null} started_at
 * @property {string | null} ends_at
 * @property {string | null} wrap_ends_at
 * @property {number} length_s
 * @property {number[]} notices seconds before the end at which both are told
 * @property {boolean} held
 * @property {number} lost_s
 * @property {boolean} give_back
 */

/**
 * @typedef {object} Remaining
 * @property {ClockMessage["phase"]} phase as it is at this moment, `wrap_up` by our own count too
 * @property {number} seconds whole seconds until the end (of the wrap-up in `wrap_up`), never below 0
 * @property {number} elapsed whole seconds since the start
 * @property {number | null} notice the smallest notice that has been reached, null before the first
 */

/** Times are ms of a monotonic clock, `performance.now()`: a page whose own clock is set during the visit stays right. */
export class VisitClock {
  /** @type {ClockMessage | null} */
  #message = null;
  /** Server time less page time, ms; null before the first message. @type {number | null} */
  #offset = null;

  /**
   * @param {ClockMessage} message
   * @param {number} [nowMs] when it was received
   */
  update(message, nowMs = performance.now()) {
    const offset = Date.parse(message.server_now) - nowMs;
    const known = this.#offset;
    // A message that was delayed makes the service look late, so the largest offset is the best. It gives way by 5 ms a
    // message (clocks drift), and at once when one of the clocks was stepped.
    if (known === null || offset >= known || known - offset > 2000) this.#offset = offset;
    else this.#offset = known - Math.min(5, known - offset);
    this.#message = message;
  }

  /** The service's clock. @param {number} [nowMs] */
  serverNow(nowMs = performance.now()) {
    return nowMs + (this.#offset ?? 0);
  }

  /**
   * @param {number} [nowMs]
   * @returns {Remaining}
   */
  remaining(nowMs = performance.now()) {
    const message = this.#message;
    if (!message) return { phase: "before", seconds: 0, elapsed: 0, notice: null };
    const now = this.serverNow(nowMs);
    const ends = parse(message.ends_at);
    const wrapEnds = parse(message.wrap_ends_at);
    const started = parse(message.started_at);
    const elapsed = started === null ? 0 : Math.max(0, Math.floor((now - started) / 1000));
    if (ends === null) return { phase: message.phase, seconds: message.length_s, elapsed, notice: null };
    let phase = message.phase;
    if (phase === "running" && now >= ends) phase = message.held ? "held" : "wrap_up";
    const until = phase === "wrap_up" ? (wrapEnds ?? ends) : ends;
    const seconds = phase === "ended" ? 0 : Math.max(0, Math.ceil((until - now) / 1000));
    const reached = phase === "running" ? message.notices.filter((notice) => seconds <= notice) : [];
    return { phase, seconds, elapsed, notice: reached.length ? Math.min(...reached) : null };
  }
}

/** @param {string | null} time */
function parse(time) {
  return time === null ? null : Date.parse(time);
}
