import assert from "node:assert/strict";
import { test } from "node:test";

import { Autosave } from "../../webclient/js/lib/autosave.js";

/** @param {any} autosave @param {string} state */
const until = (autosave, state) =>
  new Promise((resolve) => {
    if (autosave.state === state) return resolve(undefined);
    autosave.addEventListener("state", () => autosave.state === state && resolve(undefined));
  });

test("many changes become one save with the newest text", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let text = "";
  /** @type {string[]} */
  const sent = [];
  const autosave = new Autosave({ send: async () => (sent.push(text), true), waitMs: 600 });
  for (const letter of "knee") {
    text += letter;
    autosave.changed();
    t.mock.timers.tick(200);
  }
  assert.deepEqual(sent, []);
  t.mock.timers.tick(600);
  await until(autosave, "saved");
  assert.deepEqual(sent, ["knee"]);
  assert.equal(autosave.dirty, false);
});

test("what is typed during a save is saved after it, never beside it", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let text = "a";
  let running = 0;
  /** @type {(() => void)[]} */
  const finish = [];
  /** @type {string[]} */
  const sent = [];
  const autosave = new Autosave({
    send: async () => {
      assert.equal((running += 1), 1);
      sent.push(text);
      await new Promise((resolve) => finish.push(() => resolve(undefined)));
      running -= 1;
      return true;
    },
  });
  autosave.changed();
  t.mock.timers.tick(600);
  text = "ab";
  autosave.changed();
  t.mock.timers.tick(5_000);
  finish.shift()?.();
  await until(autosave, "typing");
  assert.equal(autosave.dirty, true);
  t.mock.timers.tick(600);
  finish.shift()?.();
  await until(autosave, "saved");
  assert.deepEqual(sent, ["a", "ab"]);
});

test("a failure is tried again, later and later, until it works", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let failures = 4;
  let tries = 0;
  const autosave = new Autosave({
    send: async () => {
      tries += 1;
      if (failures-- > 0) throw new Error("no network");
      return true;
    },
    random: () => 1,
  });
  autosave.changed();
  t.mock.timers.tick(600);
  for (const wait of [1_000, 2_000, 4_000, 8_000]) {
    await until(autosave, "retry");
    const before = tries;
    t.mock.timers.tick(wait - 1);
    assert.equal(tries, before);
    autosave.changed(); // typing on does not hurry it
    t.mock.timers.tick(1);
    assert.equal(tries, before + 1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(autosave, "saved");
  assert.equal(autosave.dirty, false);
});

test("a refusal stops, and a flush by hand tries once more", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let allowed = false;
  let tries = 0;
  const autosave = new Autosave({ send: async () => ((tries += 1), allowed) });
  autosave.changed();
  t.mock.timers.tick(600);
  await until(autosave, "stopped");
  autosave.changed();
  t.mock.timers.tick(60_000);
  assert.equal(tries, 1);
  assert.equal(autosave.dirty, true, "the text is still there");
  allowed = true;
  await autosave.flush();
  assert.equal(autosave.state, "saved");
});
