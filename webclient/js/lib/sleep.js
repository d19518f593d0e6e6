// Finds out that the device has slept: a timer that comes every second has come much later.

const LATE_MS = 4_000;

export class SleepWatch {
  /** @param {() => number} [now] ms */
  constructor(now = Date.now) {
    this.now = now;
    this.last = now();
  }

  /** Call it every second. True when time has jumped since the last call. */
  tick() {
    const now = this.now();
    const slept = now - this.last > 1_000 + LATE_MS;
    this.last = now;
    return slept;
  }
}
