// The small pure parts behind the call's page: which browser, which key, which camera, and whether somebody is on the phone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { browserFamily, insideApp } from "../../webclient/js/lib/browser.js";
import { callSettings } from "../../webclient/js/lib/call-settings.js";
import { canTurnRound, ofKind, otherCamera, successors } from "../../webclient/js/lib/device-list.js";
import { awayState, deadKinds, produced } from "../../webclient/js/lib/interruption.js";
import { OwnMedia } from "../../webclient/js/lib/own-media.js";
import { shortcutOf } from "../../webclient/js/lib/shortcuts.js";
import { stageWords } from "../../webclient/js/lib/words.js";

const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
const ANDROID = "Mozilla/5.0 (Linux; Android 15; Pixel 8";
const WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)";
const MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15";

for (const [family, inside, agent, touch] of [
  ["ios-safari", false, `${IPHONE} Version/18.5 Mobile/15E148 Safari/604.1`],
  ["ios-other", false, `${IPHONE} CriOS/137.0.7151.79 Mobile/15E148 Safari/604.1`],
  ["ios-safari", true, `${IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/512.0.0.49.105;FBDV/iPhone15,2]`],
  ["ios-safari", true, `${IPHONE} Mobile/22F76 Instagram 384.0.0.30.91 (iPhone15,2; iOS 18_5)`],
  ["ios-safari", true, `${IPHONE} Mobile/15E148`],
  ["ios-safari", true, `${IPHONE} Mobile/15E148 Safari Line/15.6.0`],
  ["android", false, `${ANDROID}) ${WEBKIT} Chrome/137.0.0.0 Mobile Safari/537.36`],
  ["android", false, `Mozilla/5.0 (Android 15; Mobile; rv:139.0) Gecko/139.0 Firefox/139.0`],
  ["android", true, `${ANDROID}; wv) ${WEBKIT} Version/4.0 Chrome/137.0.0.0 Mobile Safari/537.36`],
  ["android", true, `${ANDROID}; wv) ${WEBKIT} Version/4.0 Chrome/137.0.0.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/512.0.0.0;]`],
  ["firefox", false, "Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0"],
  ["safari", false, MAC, 0],
  ["ios-safari", false, MAC, 5],
  ["chrome", false, `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/137.0.0.0 Safari/537.36 Edg/137.0.0.0`],
]) {
  test(`${family}${inside ? " inside an app" : ""}: ${agent.slice(-40)}`, () => {
    assert.equal(browserFamily(agent, touch), family);
    assert.equal(insideApp(agent), inside);
  });
}

const press = (key, more = {}) => ({ key, ctrlKey: false, altKey: false, metaKey: false, repeat: false, defaultPrevented: false, ...more });

test("single keys, not while typing, not with another key, not held down", () => {
  assert.equal(shortcutOf(press("m"), null), "mute");
  assert.equal(shortcutOf(press("V"), { tagName: "BUTTON" }), "camera");
  assert.equal(shortcutOf(press("x"), null), null);
  for (const focus of [{ tagName: "INPUT", type: "text" }, { tagName: "TEXTAREA" }, { tagName: "SELECT" }, { tagName: "DIV", isContentEditable: true }]) {
    assert.equal(shortcutOf(press("m"), focus), null, JSON.stringify(focus));
  }
  assert.equal(shortcutOf(press("m"), { tagName: "INPUT", type: "radio" }), "mute");
  for (const held of ["ctrlKey", "altKey", "metaKey", "repeat", "defaultPrevented"]) assert.equal(shortcutOf(press("m", { [held]: true }), null), null);
});

const CAMERAS = ["a", "b"].map((deviceId) => ({ kind: "videoinput", deviceId, label: "" }));

test("what takes the place of a device that has gone", () => {
  assert.deepEqual(successors(CAMERAS, "camera", "b", ""), ["b", "a"], "still there: perhaps only interrupted");
  assert.deepEqual(successors(CAMERAS, "camera", "gone", "b"), ["b", "a"], "then the chosen one");
  assert.deepEqual(successors(CAMERAS, "microphone", "gone", ""), []);
  assert.deepEqual(ofKind([{ kind: "videoinput", deviceId: "", label: "" }], "camera"), [], "nothing to tell them apart by");
});

test("the other camera: the other side where sides are known, else the next", () => {
  assert.deepEqual(otherCamera(CAMERAS, { facingMode: "user" }), { facingMode: "environment" });
  assert.deepEqual(otherCamera(CAMERAS, { deviceId: "b" }), { deviceId: "a" });
  assert.equal(otherCamera(CAMERAS.slice(1), { deviceId: "b" }), null);
  assert.equal(canTurnRound({ touch: true, devices: CAMERAS, facingModes: [] }), true);
  assert.equal(canTurnRound({ touch: false, devices: CAMERAS, facingModes: [] }), false, "a desk has no back");
  assert.equal(canTurnRound({ touch: true, devices: CAMERAS.slice(1), facingModes: ["user"] }), false);
});

test("on the phone, in another app, or here", () => {
  assert.equal(awayState({ hidden: true, microphone: true, camera: true }), "phone");
  assert.equal(awayState({ hidden: false, microphone: true, camera: true }), "phone");
  assert.equal(awayState({ hidden: false, microphone: true, camera: null }), "phone");
  assert.equal(awayState({ hidden: false, microphone: true, camera: false }), "", "a switch of the computer");
  assert.equal(awayState({ hidden: true, microphone: false, camera: true }), "hidden");
  assert.equal(awayState({ hidden: true, microphone: false, camera: false }), "", "another tab: the camera goes on");
  assert.equal(awayState({ hidden: false, microphone: null, camera: null }), "");
});

test("dead: a source that gives nothing between two looks; what is not known is not dead", async () => {
  assert.deepEqual(deadKinds({ audio: 3, video: 70 }, { audio: 4, video: 70 }), ["video"]);
  assert.deepEqual(deadKinds({ video: 70 }, {}), []);
  const stats = new Map([["1", { type: "media-source", kind: "audio", totalSamplesDuration: 2 }], ["2", { type: "media-source", kind: "video" }], ["3", { type: "codec" }]]);
  assert.deepEqual(await produced({ getStats: async () => stats }), { audio: 2 });
  assert.deepEqual(await produced(null), {});
});

test("the words over the picture say who is on the phone, also while nothing comes", () => {
  assert.equal(stageWords({ media: "connected", peer: { present: true, away: "phone" } }, true), "phone");
  assert.equal(stageWords({ media: "reconnecting", peer: { present: true, away: "hidden" } }, true), "hidden");
  assert.equal(stageWords({ media: "connected", peer: { present: true, away: "" } }, true), "");
});

test("what the other side is told is plain until something is not", () => {
  const media = new OwnMedia();
  assert.ok(media.plain);
  for (const [name, value] of [["away", "phone"], ["sharing", true], ["guide", "hand"]]) {
    const changed = Object.assign(new OwnMedia(), { [name]: value });
    assert.ok(!changed.plain, name);
    assert.equal(changed.status[name], value);
  }
});

test("the settings outlive the page", () => {
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  callSettings(storage).set({ mirror: false, speaker: "s" });
  assert.deepEqual(callSettings(storage).values, { camera: "", microphone: "", speaker: "s", gentle: false, mirror: false, shortcuts: true });
});
