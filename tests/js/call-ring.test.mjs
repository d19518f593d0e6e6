import assert from "node:assert/strict";
import { test } from "node:test";
import { MOST_MS, RING_MS, ringsOn } from "../../webclient/js/lib/call-ring.js";
import { unlockByPress } from "../../webclient/js/lib/sound.js";

test("on a page that is shown it rings again, until the therapist is heard or for half a minute", () => {
  assert.ok(MOST_MS >= 5 * RING_MS);
  assert.equal(ringsOn({ sinceMs: RING_MS, hidden: false, heard: false }), true);
  assert.equal(ringsOn({ sinceMs: RING_MS, hidden: false, heard: true }), false);
  assert.equal(ringsOn({ sinceMs: MOST_MS, hidden: false, heard: false }), false);
});

test("in the background it rings until the page is shown", () => {
  assert.equal(ringsOn({ sinceMs: 10 * MOST_MS, hidden: true, heard: true }), true);
});

test("a press that the browser does not accept is not the last try", async () => {
  const target = new EventTarget();
  let accepts = false;
  let tries = 0;
  let allowed = 0;
  const unlock = async () => void (tries += 1);
  unlockByPress(target, () => (allowed += 1), { unlock, allowed: () => accepts });
  const press = async (/** @type {string} */ kind) => {
    target.dispatchEvent(new Event(kind));
    await new Promise((resolve) => setImmediate(resolve));
  };
  await press("pointerdown"); // of a finger: no activation
  assert.equal(tries, 0);
  await press("keydown");
  assert.deepEqual([tries, allowed], [1, 0]);
  accepts = true;
  await press("click");
  await press("click");
  assert.deepEqual([tries, allowed], [2, 1]);
});
