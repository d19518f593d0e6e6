import assert from "node:assert/strict";
import { test } from "node:test";
import { SleepWatch } from "../../webclient/js/lib/sleep.js";

test("a timer that comes much too late is a sleep, a busy second is none", () => {
  let now = 0;
  const watch = new SleepWatch(() => now);
  const ticks = [1_000, 2_100, 5_000, 65_000, 66_000].map((at) => {
    now = at;
    return watch.tick();
  });
  assert.deepEqual(ticks, [false, false, false, true, false]);
});
