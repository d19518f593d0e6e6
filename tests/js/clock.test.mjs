import assert from "node:assert/strict";
import { test } from "node:test";
import { VisitClock } from "../../webclient/js/lib/clock.js";

const START = Date.parse("2026-03-02T15:00:00.000Z");
const at = (seconds) => new Date(START + seconds * 1000).toISOString();
const message = (now, changes = {}) => ({
  type: "clock", phase: "running", server_now: at(now), started_at: at(0), ends_at: at(1200), wrap_ends_at: at(1320),
  length_s: 1200, notices: [300, 60], held: false, lost_s: 0, give_back: false, ...changes,
});

test("before the first message and before the start nothing runs", () => {
  const clock = new VisitClock();
  assert.equal(clock.remaining(0).phase, "before");
  clock.update(message(0, { phase: "before", started_at: null, ends_at: null, wrap_ends_at: null }), 500);
  assert.deepEqual(clock.remaining(90_000), { phase: "before", seconds: 1200, elapsed: 0, notice: null });
});

test("two pages with different own clocks show the same second", () => {
  const ana = new VisitClock();
  const li = new VisitClock();
  ana.update(message(100), 5_000);
  li.update(message(130), 900_000); // 30 s later
  assert.equal(ana.remaining(35_000).seconds, 1070);
  assert.equal(li.remaining(900_000).seconds, 1070);
});

test("a delayed message does not set the clock back; a stepped clock is followed", () => {
  const clock = new VisitClock();
  clock.update(message(100), 0);
  clock.update(message(101), 2_500); // 1.5 s late
  assert.equal(clock.remaining(2_500).seconds, 1098);
  clock.update(message(90), 5_000);
  assert.equal(clock.remaining(5_000).seconds, 1110);
});

test("notices, wrap-up and hold", () => {
  const clock = new VisitClock();
  clock.update(message(0), 0);
  assert.equal(clock.remaining(899_000).notice, null);
  assert.equal(clock.remaining(900_000).notice, 300);
  assert.equal(clock.remaining(1_140_000).notice, 60);
  assert.deepEqual(clock.remaining(1_200_000), { phase: "wrap_up", seconds: 120, elapsed: 1200, notice: null });
  assert.equal(clock.remaining(1_400_000).seconds, 0);
  clock.update(message(0, { held: true }), 0);
  assert.equal(clock.remaining(1_300_000).phase, "held");
  clock.update(message(0, { phase: "ended" }), 0);
  assert.equal(clock.remaining(0).seconds, 0);
});

test("time that was given back shows at once", () => {
  const clock = new VisitClock();
  clock.update(message(600), 0);
  clock.update(message(601, { ends_at: at(1260), wrap_ends_at: at(1380) }), 1000);
  assert.equal(clock.remaining(1000).seconds, 659);
});
