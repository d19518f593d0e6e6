// The picture gives way before the sound: down in steps as long as what this side sends suffers, up again slowly.

/** @typedef {{ kbps: number, scale: number, rate: number }} Step */

/** From whole, which has no limit, to least. The sound is never touched. @type {readonly Step[]} */
export const STEPS = [
  { kbps: Infinity, scale: 1, rate: Infinity },
  { kbps: 700, scale: 1.5, rate: 30 },
  { kbps: 300, scale: 2, rate: 20 },
  { kbps: 120, scale: 4, rate: 12 },
];
/** What several connections share, and how much smaller their pictures are: 960x540, 640x360, 320x180. */
const WHOLE_KBPS = 1_600;
const SHARED_SCALES = [1, 1.5, 3];
const DOWN_MS = 4_000;
const UP_MS = 12_000;

/** Which step is right. Knows no connection and no clock. */
export class Adaptation {
  step = 0;
  /** @type {"good" | "weak" | null} */
  #last = null;
  #since = 0;

  /**
   * Another connection begins whole, or a step smaller where little goes through.
   * @param {number} [first]
   */
  forget(first = 0) {
    this.step = first;
    this.#last = null;
  }

  /**
   * @param {"good" | "weak" | null} sending
   * @param {number} at ms
   */
  follow(sending, at) {
    if (sending !== this.#last) {
      this.#last = sending;
      this.#since = at;
      if (sending === "weak") this.#move(1);
    } else if (sending === "weak" && at - this.#since >= DOWN_MS) {
      this.#since = at;
      this.#move(1);
    } else if (sending === "good" && at - this.#since >= UP_MS) {
      this.#since = at;
      this.#move(-1);
    }
    return this.step;
  }

  /** @param {number} by */
  #move(by) {
    this.step = Math.min(STEPS.length - 1, Math.max(0, this.step + by));
  }
}

/**
 * What a sender of that kind has to be told.
 * @param {RTCRtpSendParameters} parameters from `getParameters()`; changed
 * @param {"audio" | "video"} kind
 * @param {number} step
 * @param {boolean} picture false: no picture at all
 * @param {number} [share] how many connections send this picture over the same uplink
 */
export function adapt(parameters, kind, step, picture, share = 1) {
  const [encoding] = parameters.encodings ?? [];
  if (!encoding) return false; // nothing is negotiated yet
  if (kind === "audio") {
    Object.assign(encoding, { priority: "high", networkPriority: "high" });
    return true;
  }
  const { kbps, scale, rate } = /** @type {Step} */ (STEPS[step]);
  encoding.active = picture;
  encoding.scaleResolutionDownBy = Math.max(scale, SHARED_SCALES[share - 1] ?? 3);
  const most = Math.min(kbps, share > 1 ? WHOLE_KBPS / share : Infinity);
  if (Number.isFinite(most)) encoding.maxBitrate = Math.round(most * 1000);
  else delete encoding.maxBitrate;
  if (Number.isFinite(rate)) encoding.maxFramerate = rate;
  else delete encoding.maxFramerate;
  return true;
}
