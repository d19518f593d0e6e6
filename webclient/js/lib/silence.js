// Whether the other side's packets still come. Cheaper than statistics, and seconds before the browser says "disconnected".

const LOOK_MS = 250;
const SILENT_MS = 1_000;
const AGAIN_MS = 2_500;
const MOST = 4; // that nothing comes may also be the other side's will: then nobody is told for ever

/** @typedef {Pick<RTCRtpReceiver, "getSynchronizationSources">} Receiver */

/** Looks from `start` to `stop`; counts only after something has come. */
export class SilenceWatch {
  /** Nothing has come for a second. */
  silent = false;
  #receivers;
  #told;
  #now;
  #last = 0;
  #heardAt = 0;
  #looks = 0;
  #times = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {() => Receiver[]} receivers
   * @param {(silent: boolean, times: number) => void} told true: silent now, and again every 2.5 s, four times at most;
   *   false: heard again
   * @param {() => number} [now] ms
   */
  constructor(receivers, told, now = () => performance.now()) {
    this.#receivers = receivers;
    this.#told = told;
    this.#now = now;
  }

  start() {
    this.stop();
    this.#timer = setInterval(() => this.look(), LOOK_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.silent = false;
    this.#last = this.#times = this.#looks = 0;
  }

  look() {
    const times = this.#receivers().flatMap((one) => one.getSynchronizationSources().map(({ timestamp }) => timestamp));
    const newest = Math.max(0, ...times);
    const now = this.#now();
    if (newest > this.#last) {
      this.#last = newest;
      this.#heardAt = now;
      this.#looks = this.#times = 0;
      if (!this.silent) return;
      this.silent = false;
      this.#told(false, 0);
      return;
    }
    // A page that did not get to run has not looked either: one look after a long pause says nothing.
    this.#looks++;
    if (this.#last === 0 || this.#looks < 4 || this.#times >= MOST) return;
    if (now - this.#heardAt < SILENT_MS + this.#times * AGAIN_MS) return;
    this.#times++;
    this.silent = true;
    this.#told(true, this.#times);
  }
}
