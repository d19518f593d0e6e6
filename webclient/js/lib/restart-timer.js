// When a lost transport is worth an ICE restart: late, with jitter, and seldom.

const DISCONNECTED_MS = 5_000; // a short loss heals by itself
const CONNECTING_MS = 8_000; // first pictures come within one second, on a bad network within three
const JITTER_MS = 1_000;
const EVERY_MS = 10_000;

export class RestartTimer {
  #restart;
  #last = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {() => void} restart called when it is time; goes on being called, every 10 s, until `follow` says that all is well */
  constructor(restart) {
    this.#restart = restart;
  }

  /** @param {RTCPeerConnectionState} state the peer connection's new state */
  follow(state) {
    if (state === "failed") this.#wait(0);
    else if (state === "disconnected") this.#wait(DISCONNECTED_MS);
    else if (state === "connected" || state === "closed") this.stop();
    // A call that never connects does not fail either when no candidate came (a relay's answer was lost).
    // "connecting" also follows a restart: then the next attempt is set already and stays.
    else if (state === "connecting" && this.#timer === undefined) this.#wait(CONNECTING_MS);
  }

  /**
   * Somebody asks for a restart.
   * @param {boolean} [now] whatever was before
   * @param {boolean} [jitter] false: whoever asks has waited a random time
   */
  ask(now = false, jitter = true) {
    if (now) this.#due();
    else this.#wait(0, jitter ? JITTER_MS : 0);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /**
   * @param {number} ms at least; the distance to the last restart is kept
   * @param {number} [jitter] ms at most
   */
  #wait(ms, jitter = JITTER_MS) {
    const distance = this.#last + EVERY_MS - performance.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#due(), Math.max(ms, distance) + Math.random() * jitter);
  }

  #due() {
    this.#last = performance.now();
    this.#wait(EVERY_MS);
    this.#restart();
  }
}
