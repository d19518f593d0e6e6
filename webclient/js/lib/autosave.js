// Saves a while after the last change, one save at a time, again and again until it worked. Knows nothing of the
// document: `send` collects what there is at that moment, so a later try always sends the newest text.

/** @typedef {"clean" | "typing" | "saving" | "saved" | "retry" | "stopped"} SaveState */

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

export class Autosave extends EventTarget {
  /**
   * @param {object} options
   * @param {(last: boolean) => Promise<boolean>} options.send resolves true: saved; false: will never work (stop, until
   *   the next flush); rejects: try again. `last`: the page is going away.
   * @param {number} [options.waitMs] after the last change
   * @param {() => number} [options.random] 0 to 1, for the jitter
   */
  constructor({ send, waitMs = 600, random = Math.random }) {
    super();
    this._send = send;
    this._waitMs = waitMs;
    this._random = random;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._timer = undefined;
    this._tries = 0;
    this._changes = 0;
    this._saved = 0;
    this._busy = false;
    /** @type {SaveState} */
    this.state = "clean";
  }

  /** Something is typed that no save has taken yet. */
  get dirty() {
    return this._changes !== this._saved;
  }

  changed() {
    this._changes += 1;
    if (this.state === "stopped") return;
    if (!this._busy) this._become(this._tries ? "retry" : "typing");
    if (!this._tries) this._after(this._waitMs);
  }

  /** Now; also after a stop. `last`: the page is going away. */
  async flush(last = false) {
    clearTimeout(this._timer);
    if (!this.dirty || this._busy) return;
    this._busy = true;
    this._become("saving");
    const upTo = this._changes;
    try {
      const worked = await this._send(last);
      this._busy = false;
      this._tries = 0;
      if (!worked) return this._become("stopped");
      this._saved = upTo;
      this._become(this.dirty ? "typing" : "saved");
      if (this.dirty) this._after(this._waitMs);
    } catch {
      this._busy = false;
      this._tries += 1;
      this._become("retry");
      const most = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this._tries - 1));
      this._after(most / 2 + (most / 2) * this._random());
    }
  }

  /** Resolves when no save is under way; none starts by itself until the next change. */
  async settled() {
    clearTimeout(this._timer);
    while (this._busy) await new Promise((resolve) => this.addEventListener("state", resolve, { once: true }));
    clearTimeout(this._timer);
  }

  /** No more saves until the next flush. */
  stop() {
    clearTimeout(this._timer);
    this._become("stopped");
  }

  /** @param {number} ms */
  _after(ms) {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => void this.flush(), ms);
  }

  /** @param {SaveState} state */
  _become(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}
