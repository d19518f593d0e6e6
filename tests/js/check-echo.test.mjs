// The page's end of the connection check's data channel.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Echo } from "../../webclient/js/lib/check-echo.js";

/** @param {number} phase @param {number} number */
function ping(phase, number) {
  const view = new DataView(new ArrayBuffer(14));
  view.setUint8(0, 1);
  view.setUint8(1, phase);
  view.setUint32(2, number);
  view.setUint32(6, 0xdeadbeef);
  return view.buffer;
}

/** @param {number} number */
function load(number) {
  const view = new DataView(new ArrayBuffer(1100));
  view.setUint8(0, 3);
  view.setUint32(1, number);
  return view.buffer;
}

/** @param {ArrayBuffer | null} echo */
function numbers(echo) {
  assert.ok(echo);
  const view = new DataView(echo);
  return { type: view.getUint8(0), number: view.getUint32(2), nonce: view.getUint32(6), pings: view.getUint32(14), best: view.getUint32(18) };
}

test("an echo is the ping's own bytes, and what has come so far", () => {
  const echo = new Echo();
  assert.deepEqual(numbers(echo.received(ping(0, 1), 0)), { type: 2, number: 1, nonce: 0xdeadbeef, pings: 1, best: 0 });
  assert.equal(numbers(echo.received(ping(0, 2), 10)).pings, 2);
  assert.equal(numbers(echo.received(ping(1, 3), 20)).pings, 2, "later pings are no sample of the loss");
});

test("it sends 1.5 Mbit/s while it is asked to, and no more than the channel takes", () => {
  const echo = new Echo();
  assert.deepEqual(echo.tick(0, 0), []);
  echo.received(ping(1, 1), 1000);
  let packets = 0;
  for (let now = 1000; now < 2000; now += 10) packets += echo.tick(now, 0).length;
  assert.ok(Math.abs((packets * 1100 * 8) / 1e6 - 1.5) < 0.05, String(packets));
  assert.deepEqual(echo.tick(2100, 8 * 1024), [], "what waits is not added to");
  assert.ok(echo.tick(2100, 0).length <= 8, "no burst after a stall");
  echo.received(ping(2, 2), 2200);
  assert.deepEqual(echo.tick(2300, 0), []);
});

test("a page that hears no end stops by itself", () => {
  const echo = new Echo();
  echo.received(ping(1, 1), 0);
  assert.deepEqual(echo.tick(4001, 0), []);
  assert.deepEqual(echo.tick(4002, 0), []);
});

test("the best second and a quarter counts, and each packet once", () => {
  const echo = new Echo();
  let number = 0;
  for (let now = 0; now < 1000; now += 10) echo.received(load(number++), now); // slow at first
  for (let now = 1000; now < 2250; now += 5) echo.received(load(number++), now);
  echo.received(load(0), 2250);
  assert.equal(numbers(echo.received(ping(2, 1), 2300)).best, 250 * 1100);
});

test("what is no packet of the service is ignored", () => {
  const echo = new Echo();
  for (const data of [new ArrayBuffer(0), new ArrayBuffer(1), new ArrayBuffer(14), new ArrayBuffer(1100), new ArrayBuffer(70_000)]) {
    assert.equal(echo.received(data, 0), null);
  }
  assert.deepEqual(echo.tick(10, 0), []);
});
