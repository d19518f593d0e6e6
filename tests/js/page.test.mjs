import assert from "node:assert/strict";
import { test } from "node:test";
import { newInstance, socketUrl, TabMemory } from "../../webclient/js/lib/page.js";
import { loudness } from "../../webclient/js/lib/sound.js";

test("an instance is 22 characters of base64url and never the same", () => {
  const drawn = new Set(Array.from({ length: 200 }, newInstance));
  assert.equal(drawn.size, 200);
  for (const one of drawn) assert.match(one, /^[A-Za-z0-9_-]{22}$/);
});

test("the socket is as secure as the page", () => {
  assert.equal(socketUrl("/desk/live", { protocol: "https:", host: "visit.example.ca" }), "wss://visit.example.ca/desk/live");
  assert.equal(socketUrl("/desk/live", { protocol: "http:", host: "localhost:8000" }), "ws://localhost:8000/desk/live");
});

test("a tab remembers over a reload, and damage or a ban is no error", () => {
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
  new TabMemory("visit", { muted: false, cameraOff: false }, storage).set({ muted: true });
  assert.deepEqual(new TabMemory("visit", { muted: false, cameraOff: false }, storage).values, { muted: true, cameraOff: false });
  kept.set("visit", "{broken");
  assert.deepEqual(new TabMemory("visit", { muted: false }, storage).values, { muted: false });
  const banned = { getItem: () => { throw new Error("banned"); }, setItem: () => { throw new Error("banned"); } };
  const memory = new TabMemory("visit", { muted: false }, banned);
  memory.set({ muted: true });
  assert.equal(memory.values.muted, true);
});

test("loudness: silence is 0, a full tone is 1, a whisper between", () => {
  assert.equal(loudness(new Float32Array(64)), 0);
  assert.equal(loudness(Float32Array.from({ length: 64 }, (_, i) => (i % 2 ? 1 : -1))), 1);
  const whisper = loudness(Float32Array.from({ length: 64 }, (_, i) => (i % 2 ? 0.01 : -0.01)));
  assert.ok(whisper > 0.3 && whisper < 0.5, String(whisper));
});
