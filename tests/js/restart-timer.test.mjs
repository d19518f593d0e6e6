import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { RestartTimer } from "../../webclient/js/lib/restart-timer.js";

/** Moves both clocks. */
function pass(ms) {
  for (let passed = 0; passed < ms; passed += 100) {
    now += 100;
    mock.timers.tick(100);
  }
}
let now = 0;

beforeEach(() => {
  now = 1000;
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(performance, "now", () => now);
  mock.method(Math, "random", () => 0.5);
});
afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

test("a short loss heals by itself, a long one is restarted after 5 s and jitter", () => {
  let restarts = 0;
  const timer = new RestartTimer(() => restarts++);
  timer.follow("disconnected");
  pass(4000);
  timer.follow("connected");
  pass(60_000);
  assert.equal(restarts, 0);
  timer.follow("disconnected");
  pass(5400);
  assert.equal(restarts, 0);
  pass(200);
  assert.equal(restarts, 1);
});

test("at most every 10 s, and on until it is connected", () => {
  let restarts = 0;
  const timer = new RestartTimer(() => restarts++);
  timer.follow("failed");
  pass(500);
  assert.equal(restarts, 1);
  for (let n = 0; n < 9; n++) {
    timer.follow("failed");
    timer.ask();
    pass(1000);
  }
  assert.equal(restarts, 1);
  timer.follow("connecting");
  pass(30_000);
  assert.equal(restarts, 4);
  timer.follow("connected");
  pass(60_000);
  assert.equal(restarts, 4);
  timer.ask(true);
  assert.equal(restarts, 5);
  timer.stop();
  pass(60_000);
  assert.equal(restarts, 5);
});

test("a call that never connects is tried again, though nothing has failed", () => {
  let restarts = 0;
  const timer = new RestartTimer(() => restarts++);
  timer.follow("connecting");
  pass(7900);
  assert.equal(restarts, 0);
  pass(1000);
  assert.equal(restarts, 1);
  timer.follow("connected");
  pass(60_000);
  assert.equal(restarts, 1);
});
