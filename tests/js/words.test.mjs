import assert from "node:assert/strict";
import { test } from "node:test";
import { clockText, fill, minutesSince, phoneText, shortName, stageWords } from "../../webclient/js/lib/words.js";

test("values go into their places, unknown places stay", () => {
  assert.equal(fill("about {min} to {max} minutes", { min: 5, max: 10 }), "about 5 to 10 minutes");
  assert.equal(fill("{who} is here", {}), "{who} is here");
  assert.equal(fill("{n}", { n: 0 }), "0");
});

test("the clock never goes below zero and counts the begun second", () => {
  assert.equal(clockText(1200), "20:00");
  assert.equal(clockText(1121.2), "18:42");
  assert.equal(clockText(9), "0:09");
  assert.equal(clockText(-3), "0:00");
});

test("what stands in the place of the picture", () => {
  const peer = { present: true, cameraOff: false };
  assert.equal(stageWords({ media: "connecting", peer }, false), "connecting");
  assert.equal(stageWords({ media: "connected", peer }, true), "");
  assert.equal(stageWords({ media: "connected", peer }, false), "camera-off");
  assert.equal(stageWords({ media: "connected", peer: { present: true, cameraOff: true } }, true), "camera-off");
  assert.equal(stageWords({ media: "reconnecting", peer }, true), "reconnecting");
  assert.equal(stageWords({ media: "reconnecting", peer: { present: false } }, true), "away");
});

test("minutes since an instant", () => {
  const now = Date.parse("2026-03-02T15:30:00Z");
  assert.equal(minutesSince("2026-03-02T15:23:10.000Z", now), 6);
  assert.equal(minutesSince("2026-03-02T15:31:00.000Z", now), 0);
});

test("the name on a button", () => {
  assert.equal(shortName("Ana Petrescu"), "Ana");
  assert.equal(shortName(" Jean-Luc  Roy"), "Jean-Luc");
  assert.equal(shortName(""), "");
});

test("a phone number as it is read aloud", () => {
  assert.equal(phoneText("+14165550199"), "(416) 555-0199");
  assert.equal(phoneText("+33142685300"), "+33142685300");
});
