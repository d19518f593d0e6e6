import assert from "node:assert/strict";
import { test } from "node:test";
import { HUSHED_MS, NOTICE_MS, Ringing, SOUND_MS } from "../../webclient/js/lib/ringing.js";
import { DESK_SHORTCUTS, shortcutOf } from "../../webclient/js/lib/shortcuts.js";

const ana = { visit: "a", name: "Ana" };
const ben = { visit: "b", name: "Ben" };

test("it sounds again and again until it is seen, whoever asks how often", () => {
  const bell = new Ringing();
  bell.update([ana], 0);
  assert.deepEqual(bell.due(0), { sound: true, notices: [ana] });
  for (let at = 100; at < SOUND_MS; at += 100) assert.equal(bell.due(at).sound, false);
  for (let time = 1; time < 20; time += 1) assert.equal(bell.due(time * SOUND_MS).sound, true, `sound ${time}`);
});

test("each guest is heard at once, not only the first", () => {
  const bell = new Ringing();
  bell.update([ana], 0);
  bell.due(0);
  assert.deepEqual(bell.update([ana, ben], 500).fresh, [ben]);
  assert.deepEqual(bell.due(500), { sound: true, notices: [ben] });
});

test("a notification comes again for each who still waits", () => {
  const bell = new Ringing();
  bell.update([ana, ben], 0);
  assert.equal(bell.due(0).notices.length, 2);
  assert.equal(bell.due(NOTICE_MS - 1).notices.length, 0);
  assert.equal(bell.due(NOTICE_MS).notices.length, 2);
});

test("a hidden tab whose timers sleep rings by the server's messages alone", () => {
  const bell = new Ringing();
  let sounds = 0;
  for (let at = 0; at <= 60_000; at += 15_000) {
    bell.update([ana], at);
    if (bell.due(at).sound) sounds += 1;
  }
  assert.equal(sounds, 5);
});

test("seen is quiet at once; rings again if the server has not heard of it, and for the next guest", () => {
  const bell = new Ringing();
  bell.update([ana], 0);
  bell.due(0);
  assert.deepEqual(bell.seen(10), ["a"]);
  bell.update([ana], 20); // a snapshot that was on its way
  assert.deepEqual(bell.due(SOUND_MS * 1.2), { sound: false, notices: [] });
  bell.update([ana, ben], 30);
  assert.deepEqual(bell.due(30), { sound: true, notices: [ben] });
  assert.deepEqual(bell.update([ana, ben], 10 + HUSHED_MS).fresh, [ana]);
});

test("who is admitted or away is gone from it", () => {
  const bell = new Ringing();
  bell.update([ana, ben], 0);
  assert.deepEqual(bell.update([ben], 1).gone, ["a"]);
  bell.update([], 2);
  assert.deepEqual(bell.due(SOUND_MS * 3), { sound: false, notices: [] });
});

test("N admits the next, never while somebody types", () => {
  const key = (/** @type {object} */ more) => ({ key: "n", ctrlKey: false, altKey: false, metaKey: false, repeat: false, defaultPrevented: false, ...more });
  assert.equal(shortcutOf(key({}), null, DESK_SHORTCUTS), "admit-next");
  assert.equal(shortcutOf(key({ key: "N" }), { tagName: "BUTTON" }, DESK_SHORTCUTS), "admit-next");
  for (const focus of [{ tagName: "TEXTAREA" }, { tagName: "INPUT", type: "text" }, { tagName: "SELECT" }, { isContentEditable: true }]) {
    assert.equal(shortcutOf(key({}), focus, DESK_SHORTCUTS), null);
  }
  for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { repeat: true }, { key: "m" }]) {
    assert.equal(shortcutOf(key(more), null, DESK_SHORTCUTS), null);
  }
  assert.equal(shortcutOf(key({}), null), null, "it is not a key of the call");
});
