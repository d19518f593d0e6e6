import assert from "node:assert/strict";
import { test } from "node:test";
import { adapt, Adaptation, STEPS } from "../../webclient/js/lib/adapt.js";

test("down at once and every four seconds, up only after twelve good ones", () => {
  const adaptation = new Adaptation();
  const follow = (sending, from, to) => {
    for (let at = from; at < to; at += 2000) adaptation.follow(sending, at);
    return adaptation.step;
  };
  assert.equal(follow("good", 0, 60_000), 0);
  assert.equal(adaptation.follow("weak", 60_000), 1);
  assert.equal(follow("weak", 62_000, 66_000), 2);
  assert.equal(follow("weak", 66_000, 100_000), STEPS.length - 1);
  assert.equal(adaptation.follow("good", 100_000), STEPS.length - 1);
  assert.equal(follow("good", 102_000, 112_000), STEPS.length - 1, "not yet");
  assert.equal(adaptation.follow("good", 112_000), STEPS.length - 2);
  assert.equal(follow(null, 114_000, 200_000), STEPS.length - 2, "nothing is known: it stays");
  assert.equal(follow("good", 200_000, 300_000), 0);
});

test("another connection begins whole", () => {
  const adaptation = new Adaptation();
  adaptation.follow("weak", 0);
  adaptation.forget();
  assert.equal(adaptation.step, 0);
});

test("the picture is made smaller, slower and narrower; the sound keeps its priority", () => {
  const video = { encodings: [{ active: true }] };
  assert.equal(adapt(video, "video", 3, true), true);
  assert.deepEqual(video.encodings[0], { active: true, scaleResolutionDownBy: 4, maxBitrate: 120_000, maxFramerate: 12 });
  adapt(video, "video", 0, true);
  assert.deepEqual(video.encodings[0], { active: true, scaleResolutionDownBy: 1 }, "whole: no limit stays");
  const audio = { encodings: [{ active: true }] };
  adapt(audio, "audio", 3, false);
  assert.deepEqual(audio.encodings[0], { active: true, priority: "high", networkPriority: "high" });
});

test("sound only: the picture is not sent at all", () => {
  const video = { encodings: [{ active: true }] };
  adapt(video, "video", 0, false);
  assert.equal(video.encodings[0].active, false);
});

test("before the negotiation there is nothing to change", () => {
  assert.equal(adapt({ encodings: [] }, "video", 2, true), false);
});

test("where little goes through a connection begins a step smaller, and grows when that goes well", () => {
  const adaptation = new Adaptation();
  adaptation.forget(1);
  assert.equal(adaptation.step, 1);
  adaptation.follow("good", 0);
  assert.equal(adaptation.follow("good", 12_000), 0);
});
