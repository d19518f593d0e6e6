import assert from "node:assert/strict";
import { test } from "node:test";
import { clockText, ShownMessages } from "../../webclient/js/lib/message-list.js";

const of = (...numbers) => numbers.map((number) => ({ number }));

test("a message of the clinic that comes after the answer to a later one of the patient's is shown, in its place", () => {
  const shown = new ShownMessages([1]);
  assert.equal(shown.add(3), null); // the patient's own: its answer came first
  const fresh = shown.fresh(of(1, 2, 3));
  assert.deepEqual(fresh, of(2));
  assert.equal(shown.add(2), 3);
  assert.deepEqual(shown.fresh(of(1, 2, 3)), []);
});

test("several at once come in order, each before the next that is shown", () => {
  const shown = new ShownMessages([5]);
  const fresh = shown.fresh(of(6, 4, 2, 5));
  assert.deepEqual(fresh, of(2, 4, 6));
  assert.deepEqual(fresh.map((one) => shown.add(one.number)), [5, 5, null]);
});

test("a message's time is the clinic's, wherever the browser is", () => {
  assert.equal(clockText("2026-07-01T03:05:00.000Z", "en", "America/Toronto"), "23:05");
  assert.equal(clockText("2026-07-01T13:05:00.000Z", "fr-CA", "America/Toronto"), "9\u00a0h\u00a005");
  assert.equal(clockText("2026-07-01T04:05:00.000Z", "en", "America/Toronto"), "0:05");
});
