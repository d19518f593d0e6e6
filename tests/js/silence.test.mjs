import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { SilenceWatch } from "../../webclient/js/lib/silence.js";

/** A watch whose clock and whose receivers' newest packets the test sets. */
function watched(receivers = 2) {
  const scene = { now: 10_000, heard: /** @type {number[]} */ (Array(receivers).fill(0)), told: /** @type {[boolean, number][]} */ ([]) };
  const list = scene.heard.map((_, at) => ({
    getSynchronizationSources: () => (scene.heard[at] ? [{ timestamp: scene.heard[at] }] : []),
  }));
  const watch = new SilenceWatch(
    () => /** @type {any} */ (list),
    (silent, times) => scene.told.push([silent, times]),
    () => scene.now,
  );
  /** Looks every quarter of a second; `sounding`: with packets. */
  const pass = (ms, sounding = false) => {
    for (let passed = 0; passed < ms; passed += 250) {
      scene.now += 250;
      if (sounding) scene.heard[0] = scene.now;
      watch.look();
    }
  };
  return { scene, watch, pass };
}

test("nothing is told before anything has come, nor while it comes", () => {
  const { scene, pass } = watched();
  pass(60_000);
  assert.deepEqual(scene.told, []);
  pass(60_000, true);
  assert.deepEqual(scene.told, []);
});

test("a second of silence is told, and that it is over", () => {
  const { scene, watch, pass } = watched();
  pass(1000, true);
  pass(750);
  assert.deepEqual(scene.told, []);
  assert.equal(watch.silent, false);
  pass(250);
  assert.deepEqual(scene.told, [[true, 1]]);
  assert.equal(watch.silent, true);
  pass(250, true);
  assert.deepEqual(scene.told.at(-1), [false, 0]);
  assert.equal(watch.silent, false);
  pass(1000, true);
  assert.equal(scene.told.length, 2);
});

test("it is told again every 2.5 s, four times at most, and from the start after the next sound", () => {
  const { scene, pass } = watched();
  pass(1000, true);
  const began = scene.now;
  const at = [];
  for (let passed = 0; passed < 60_000; passed += 250) {
    const before = scene.told.length;
    pass(250);
    if (scene.told.length > before) at.push(scene.now - began);
  }
  assert.deepEqual(at, [1000, 3500, 6000, 8500]);
  assert.deepEqual(scene.told, [1, 2, 3, 4].map((times) => [true, times]));
  pass(250, true);
  pass(1000);
  assert.deepEqual(scene.told.slice(4), [[false, 0], [true, 1]]);
});

test("any receiver's packets count: a camera that is off is no silence", () => {
  const { scene, watch } = watched();
  for (let looks = 0; looks < 40; looks++) {
    scene.now += 250;
    scene.heard[looks < 20 ? 0 : 1] = scene.now; // the picture ends, the sound goes on
    watch.look();
  }
  assert.deepEqual(scene.told, []);
});

test("one look after a long pause of the page says nothing", () => {
  const { scene, watch, pass } = watched();
  pass(1000, true);
  scene.now += 60_000; // the page did not run; its packets did
  watch.look();
  watch.look();
  watch.look();
  assert.deepEqual(scene.told, []);
  scene.heard[1] = scene.now;
  watch.look();
  assert.deepEqual(scene.told, []);
});

test("it looks by itself from start to stop, and stopping forgets what was heard", () => {
  mock.timers.enable({ apis: ["setInterval"] });
  try {
    const { scene, watch } = watched();
    const tick = (/** @type {number} */ ms) => {
      for (let passed = 0; passed < ms; passed += 250) {
        scene.now += 250;
        mock.timers.tick(250);
      }
    };
    scene.heard[0] = scene.now;
    tick(2000);
    assert.deepEqual(scene.told, [], "not started");
    watch.start();
    tick(1500);
    assert.deepEqual(scene.told, [[true, 1]]);
    watch.stop();
    assert.equal(watch.silent, false);
    tick(10_000);
    assert.equal(scene.told.length, 1, "stopped");
    scene.heard[0] = 0; // another connection: nothing has come there yet
    watch.start();
    watch.start();
    tick(10_000);
    assert.equal(scene.told.length, 1);
    watch.stop();
    scene.heard[0] = scene.now;
    tick(10_000);
    assert.equal(scene.told.length, 1, "two starts are one");
  } finally {
    mock.timers.reset();
  }
});
