// What the indicator says of statistics that a real Chromium gave (tests/faults/test_quality.py records them), and of each threshold.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { EVERY_MS, QualityMeter, readStats } from "../../webclient/js/lib/quality.js";

const recorded = (name) => JSON.parse(readFileSync(new URL(`stats/${name}.json`, import.meta.url), "utf8")).map(readStats);

/** Feeds the readings, one every two seconds; the state after each. */
function feed(meter, readings, from = 0, slowed = false) {
  return readings.map((reading, at) => {
    meter.add(reading, from + at * EVERY_MS, slowed);
    return meter.state;
  });
}

/** A call of 60 packets/s each way for so many readings; `changes`: per reading. */
function call(count, changes = {}, start = {}) {
  const total = { received: 0, lost: 0, bytesIn: 0, sent: 0, lostThere: 0, shareThere: null, bytesOut: 0, frozen: 0, jitter: 0.004, rtt: 0.04, signs: 0, available: 2e6, held: false, ...start };
  return Array.from({ length: count }, () => {
    const { loss = 0, lossThere = 0, frozen = 0, silent = false, ...fixed } = changes;
    if (!silent) {
      total.lost += Math.round(120 * loss);
      total.received += 120 - Math.round(120 * loss);
      total.bytesIn += 250_000;
      total.lostThere += Math.round(120 * lossThere);
      total.signs += 120;
    }
    total.sent += 120;
    total.bytesOut += 250_000;
    total.frozen += frozen;
    return { ...total, ...fixed };
  });
}
const after = (readings) => readings.at(-1);

test("a recorded good call is good from the second reading on", () => {
  const meter = new QualityMeter();
  assert.deepEqual(new Set(feed(meter, recorded("good")).slice(1)), new Set(["good"]));
  const { loss_in, loss_out, rtt_ms, jitter_ms, kbps_in, kbps_out } = meter.measure;
  assert.deepEqual([loss_in, loss_out], [0, 0]);
  for (const value of [rtt_ms, jitter_ms]) assert.ok(value >= 0 && value < 50, String(value));
  for (const value of [kbps_in, kbps_out]) assert.ok(value > 30 && value < 3000, String(value));
});

test("a recorded fifth of the packets lost is weak, both ways", () => {
  const meter = new QualityMeter();
  const states = feed(meter, recorded("loss"));
  assert.equal(states.at(-1), "weak");
  assert.equal(meter.sending, "weak");
  assert.ok(meter.measure.loss_in >= 10 && meter.measure.loss_in <= 35, String(meter.measure.loss_in));
});

test("a recorded line on which nothing comes is lost within six seconds", () => {
  const meter = new QualityMeter();
  feed(meter, recorded("good"));
  assert.equal(feed(meter, recorded("nothing"), 16_000).at(-1), "lost");
});

for (const [what, changes, state] of [
  ["4 % loss", { loss: 0.04 }, "good"],
  ["10 % loss", { loss: 0.1 }, "weak"],
  ["10 % of what it sends lost", { lossThere: 0.1 }, "weak"],
  ["the other side's own share of 20 %", { shareThere: 0.2 }, "weak"],
  ["290 ms round trip", { rtt: 0.29 }, "good"],
  ["600 ms round trip", { rtt: 0.6 }, "weak"],
  ["100 ms jitter", { jitter: 0.1 }, "weak"],
  ["a picture that stands half of the time", { frozen: 1 }, "weak"],
  ["a picture held back below 0.7 Mbit/s", { held: true, available: 650_000 }, "weak"],
  ["a picture held back above it", { held: true, available: 750_000 }, "good"],
  ["a narrow line that holds nothing back", { available: 300_000 }, "good"],
]) {
  test(`${what}: ${state}`, () => {
    const meter = new QualityMeter();
    assert.equal(after(feed(meter, call(6, changes))), state);
  });
}

test("between the limits what was stays", () => {
  const good = new QualityMeter();
  const start = after(call(6));
  feed(good, call(6));
  assert.equal(after(feed(good, call(6, { loss: 0.07 }, start), 12_000)), "good");
  const weak = new QualityMeter();
  const bad = call(6, { loss: 0.3 });
  feed(weak, bad);
  assert.equal(after(feed(weak, call(6, { loss: 0.07 }, after(bad)), 12_000)), "weak");
});

test("one bad reading is no weak call, and one good one no good call", () => {
  const meter = new QualityMeter();
  const start = call(5);
  feed(meter, start);
  const bad = call(1, { loss: 0.5 }, after(start));
  assert.equal(after(feed(meter, bad, 10_000)), "good");
  const worse = call(1, { loss: 0.5 }, after(bad));
  assert.equal(after(feed(meter, worse, 12_000)), "weak");
  const states = feed(meter, call(8, {}, after(worse)), 14_000);
  assert.deepEqual(states.slice(0, 3), ["weak", "weak", "weak"]);
  assert.equal(after(states), "good");
});

test("nothing comes for three readings: lost; what comes again is weak first, then good", () => {
  const meter = new QualityMeter();
  const start = call(5);
  feed(meter, start);
  const nothing = call(3, { silent: true }, after(start));
  assert.deepEqual(feed(meter, nothing, 10_000), ["good", "good", "lost"]);
  const states = feed(meter, call(8, {}, after(nothing)), 16_000);
  assert.equal(states[0], "weak");
  assert.equal(after(states), "good");
});

test("an answered check of ICE is a sign of life", () => {
  const pair = { id: "P", type: "candidate-pair", bytesReceived: 7 };
  const transport = { id: "T", type: "transport", selectedCandidatePairId: "P" };
  const signs = (responsesReceived) => readStats([transport, { ...pair, responsesReceived }]).signs;
  assert.equal(signs(3) - signs(2), 1);
});

test("a side that gives nothing is not lost as long as its checks are answered", () => {
  const meter = new QualityMeter();
  const readings = call(8, { silent: true }).map((one, at) => ({ ...one, signs: at }));
  assert.equal(after(feed(meter, readings)), "good");
});

test("the browser's own word that the connection is interrupted counts at once; another connection begins anew", () => {
  const meter = new QualityMeter();
  feed(meter, call(5));
  meter.interrupted();
  assert.equal(meter.state, "lost");
  meter.forget();
  assert.equal(meter.state, null);
  assert.equal(feed(meter, call(1))[0], null);
});

test("a picture that this side holds back by itself is no reason to call the line weak", () => {
  const meter = new QualityMeter();
  assert.equal(after(feed(meter, call(6, { held: true, available: 200_000 }), 0, true)), "good");
});

test("a picture that was switched off for a while has not stood still", () => {
  const meter = new QualityMeter();
  const start = call(5);
  feed(meter, start);
  const back = call(4, {}, { ...after(start), frozen: 40 });
  assert.equal(after(feed(meter, back, 10_000)), "good");
});

test("what is told is whole numbers within the limits of the protocol, whatever the browser says", () => {
  const meter = new QualityMeter();
  feed(meter, call(4, { loss: 1, rtt: 1e9, jitter: Infinity, lossThere: 5 }));
  assert.deepEqual([meter.measure.loss_in, meter.measure.loss_out, meter.measure.rtt_ms, meter.measure.jitter_ms], [100, 100, 60_000, null]);
  for (const value of Object.values(meter.measure)) assert.ok(value === null || Number.isInteger(value));
});

test("a browser that says little is no error", () => {
  const reading = readStats([{ id: "I", type: "inbound-rtp", kind: "video", packetsReceived: 3 }]);
  assert.deepEqual([reading.rtt, reading.lostThere, reading.jitter, reading.available], [null, null, null, null]);
  const meter = new QualityMeter();
  meter.add(readStats([]), 0);
  meter.add(readStats([]), 2000);
  assert.equal(meter.measure.rtt_ms, null);
});
