// How good the connection is, from the browser's statistics: good, weak or lost. Knows no connection and no clock.
//
// Thresholds: good below 5 % loss and 300 ms round trip, weak from 10 % or 600 ms or (where the browser says that the network holds
// the picture back) below 0.7 Mbit/s: figures that others publish for the check before a call. Between the two what was stays.

/** @typedef {"good" | "weak" | "lost"} QualityState */
/** @typedef {{ loss_in: number | null, loss_out: number | null, rtt_ms: number | null, jitter_ms: number | null, kbps_in: number | null, kbps_out: number | null }} Measure */
/** @typedef {ReturnType<typeof readStats>} Reading totals at one moment */

export const EVERY_MS = 2_000;
const WINDOW = 3; // readings between the two that are compared: about 6 s
const WEAK_AFTER = 2; // readings in a row
const GOOD_AFTER = 3;
const LOST_AFTER = 3;
const GOOD = { loss: 5, rtt: 300, jitter: 50, frozen: 0.1 };
const WEAK = { loss: 10, rtt: 600, jitter: 100, frozen: 0.4, kbps: 700 };

/**
 * What is needed of `getStats()`.
 * @param {Iterable<any>} stats the report's values
 */
export function readStats(stats) {
  const all = [...stats];
  const byId = new Map(all.map((one) => [one.id, one]));
  const of = (/** @type {string} */ type) => all.filter((one) => one.type === type);
  const sum = (/** @type {any[]} */ from, /** @type {string} */ name) => from.reduce((total, one) => total + (one[name] ?? 0), 0);
  const inbound = of("inbound-rtp");
  const outbound = of("outbound-rtp");
  const told = of("remote-inbound-rtp");
  const transport = of("transport").find((one) => one.selectedCandidatePairId);
  const pair = transport ? byId.get(transport.selectedCandidatePairId) : of("candidate-pair").find((one) => one.selected);
  const voice = inbound.find((one) => one.kind === "audio") ?? inbound[0];
  const trips = [pair?.currentRoundTripTime, ...told.map((one) => one.roundTripTime)].filter((one) => typeof one === "number");
  return {
    received: sum(inbound, "packetsReceived"),
    lost: sum(inbound, "packetsLost"),
    bytesIn: sum(inbound, "bytesReceived"),
    sent: sum(outbound, "packetsSent"),
    lostThere: told.length ? sum(told, "packetsLost") : null,
    // the last report's own share, of the voice: what is sent of a picture holds what is sent again
    shareThere: /** @type {number | null} */ ((told.find((one) => one.kind === "audio") ?? told[0])?.fractionLost ?? null),
    bytesOut: sum(outbound, "bytesSent"),
    frozen: sum(inbound, "totalFreezesDuration"),
    jitter: /** @type {number | null} */ (voice?.jitter ?? null),
    rtt: /** @type {number | null} */ (trips[0] ?? null),
    // anything at all: media, its control, or an answer to one of ICE's own checks
    signs: sum(inbound, "packetsReceived") + (pair?.bytesReceived ?? 0) + (pair?.responsesReceived ?? 0),
    available: /** @type {number | null} */ (pair?.availableOutgoingBitrate ?? null),
    held: outbound.some((one) => one.qualityLimitationReason === "bandwidth"),
  };
}

export class QualityMeter {
  /** @type {{ reading: Reading, at: number }[]} */
  #readings = [];
  #bad = 0;
  #fine = 0;
  #still = 0;
  /** null: too early to say. @type {QualityState | null} */
  state = null;
  /** Whether what this side sends suffers. @type {"good" | "weak" | null} */
  sending = null;
  /** @type {Measure} */
  measure = { loss_in: null, loss_out: null, rtt_ms: null, jitter_ms: null, kbps_in: null, kbps_out: null };

  /** Another connection: nothing of the last one counts. */
  forget() {
    this.#readings = [];
    this.#bad = this.#fine = this.#still = 0;
    this.state = this.sending = null;
  }

  /** The browser itself says that the connection is interrupted. */
  interrupted() {
    this.#readings = [];
    this.#bad = this.#fine = 0;
    this.state = "lost";
  }

  /**
   * @param {Reading} reading
   * @param {number} at ms
   * @param {boolean} [slowed] this side holds its picture back by itself: then the browser's "bandwidth" says nothing
   */
  add(reading, at, slowed = false) {
    const last = this.#readings.at(-1);
    this.#still = last && reading.signs === last.reading.signs ? this.#still + 1 : 0;
    this.#readings.push({ reading, at });
    if (this.#readings.length > WINDOW + 1) this.#readings.shift();
    const first = this.#readings[0];
    if (!last || !first || at <= first.at) return;
    const seconds = (at - first.at) / 1000;
    const rise = (/** @type {"received" | "lost" | "bytesIn" | "sent" | "bytesOut" | "frozen"} */ name) =>
      Math.max(0, reading[name] - first.reading[name]);
    const shares = this.#readings.flatMap((one) => one.reading.shareThere ?? []);
    const share = shares.length ? (100 * shares.reduce((sum, one) => sum + one, 0)) / shares.length : 0;
    const lost = rise("lost");
    const lostThere =
      reading.lostThere === null || first.reading.lostThere === null ? null : Math.max(0, reading.lostThere - first.reading.lostThere);
    this.measure = {
      loss_in: percent(lost, rise("received") + lost),
      loss_out: lostThere === null ? null : Math.max(percent(lostThere, rise("sent")), percent(share, 100)),
      rtt_ms: whole(reading.rtt === null ? null : reading.rtt * 1000, 60_000),
      jitter_ms: whole(reading.jitter === null ? null : reading.jitter * 1000, 60_000),
      kbps_in: whole((rise("bytesIn") * 8) / seconds / 1000, 1_000_000),
      kbps_out: whole((rise("bytesOut") * 8) / seconds / 1000, 1_000_000),
    };
    const frozen = rise("frozen") / seconds;
    const narrow = !slowed && reading.held && reading.available !== null && reading.available < WEAK.kbps * 1000;
    this.#judge(frozen > 1 ? 0 : frozen, narrow); // longer than the window: the picture was switched off, and is back
  }

  /**
   * @param {number} frozen share of the time in which the picture stood
   * @param {boolean} narrow
   */
  #judge(frozen, narrow) {
    const { loss_in, loss_out, rtt_ms, jitter_ms } = this.measure;
    const over = (/** @type {typeof GOOD} */ limit) =>
      (loss_in ?? 0) >= limit.loss || (loss_out ?? 0) >= limit.loss || (rtt_ms ?? 0) >= limit.rtt || (jitter_ms ?? 0) >= limit.jitter || frozen >= limit.frozen;
    const weak = over(WEAK) || narrow;
    const good = !over(GOOD) && !narrow;
    this.#bad = weak ? this.#bad + 1 : 0;
    this.#fine = good ? this.#fine + 1 : 0;
    this.sending = (loss_out ?? 0) >= WEAK.loss || (rtt_ms ?? 0) >= WEAK.rtt || narrow ? "weak" : good ? "good" : null;
    if (this.#still >= LOST_AFTER) this.state = "lost";
    else if (this.state === "lost") this.state = "weak"; // something comes again; good has to last
    else if (this.#bad >= WEAK_AFTER) this.state = "weak";
    else if (this.#fine >= GOOD_AFTER || (this.state === null && good)) this.state = "good";
  }
}

/**
 * @param {number} part
 * @param {number} of
 */
function percent(part, of) {
  return of > 0 ? Math.min(100, Math.round((100 * part) / of)) : 0;
}

/**
 * @param {number | null} value
 * @param {number} most
 */
function whole(value, most) {
  return value === null || !Number.isFinite(value) ? null : Math.min(most, Math.max(0, Math.round(value)));
}
