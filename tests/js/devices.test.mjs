import assert from "node:assert/strict";
import { test } from "node:test";
import { alreadyAllowed, closeDevices, openDevices, reasonOf } from "../../webclient/js/lib/devices.js";

class Track {
  constructor(kind) {
    this.kind = kind;
    this.stopped = false;
  }
  stop() {
    this.stopped = true;
  }
}

class Stream {
  constructor(...kinds) {
    this.tracks = kinds.map((kind) => new Track(kind));
  }
  getTracks() {
    return this.tracks;
  }
  addTrack(track) {
    this.tracks.push(track);
  }
}

const refuse = (name) => Object.assign(new Error(name), { name });

/** A computer whose camera and microphone each work or fail with an error's name. */
function computer({ camera = "works", microphone = "works" } = {}) {
  const asked = [];
  return {
    asked,
    async getUserMedia({ video, audio }) {
      asked.push([video && "camera", audio && "microphone"].filter(Boolean).join("+"));
      if (video && camera !== "works") throw refuse(camera);
      if (audio && microphone !== "works") throw refuse(microphone);
      return new Stream(...(audio ? ["audio"] : []), ...(video ? ["video"] : []));
    },
  };
}

test("both at once, and asked once", async () => {
  const source = computer();
  const devices = await openDevices({}, source);
  assert.deepEqual([devices.camera, devices.microphone], ["on", "on"]);
  assert.deepEqual(source.asked, ["camera+microphone"]);
});

for (const [name, reason] of [
  ["NotReadableError", "busy"],
  ["NotFoundError", "missing"],
  ["NotAllowedError", "denied"],
]) {
  test(`a camera that fails with ${name} leaves the sound`, async () => {
    const devices = await openDevices({}, computer({ camera: name }));
    assert.deepEqual([devices.camera, devices.microphone], [reason, "on"]);
    assert.deepEqual(devices.stream.getTracks().map((track) => track.kind), ["audio"]);
  });
  test(`a microphone that fails with ${name} leaves the picture`, async () => {
    const devices = await openDevices({}, computer({ microphone: name }));
    assert.deepEqual([devices.camera, devices.microphone], ["on", reason]);
    assert.deepEqual(devices.stream.getTracks().map((track) => track.kind), ["video"]);
  });
}

test("neither works: no stream, two reasons, no exception", async () => {
  const devices = await openDevices({}, computer({ camera: "NotFoundError", microphone: "NotAllowedError" }));
  assert.deepEqual(devices, { stream: null, camera: "missing", microphone: "denied" });
});

test("both work alone but not together: one stream of both", async () => {
  const source = computer();
  const plain = source.getUserMedia;
  source.getUserMedia = (wanted) => (wanted.video && wanted.audio ? Promise.reject(refuse("NotReadableError")) : plain(wanted));
  const devices = await openDevices({}, source);
  assert.deepEqual(devices.stream.getTracks().map((track) => track.kind), ["audio", "video"]);
});

test("without camera: it is not asked for", async () => {
  const source = computer();
  const devices = await openDevices({ camera: false }, source);
  assert.deepEqual([devices.camera, devices.microphone], ["off", "on"]);
  assert.deepEqual(source.asked, ["microphone"]);
});

test("a browser that withholds devices", async () => {
  assert.deepEqual(await openDevices({}, undefined), { stream: null, camera: "insecure", microphone: "insecure" });
});

test("an unknown error is only 'failed'", () => {
  assert.equal(reasonOf(refuse("SomethingNew")), "failed");
  assert.equal(reasonOf(undefined), "failed");
});

test("closing stops every track, and nothing is no error", async () => {
  const { stream } = await openDevices({}, computer());
  closeDevices(stream);
  assert.ok(stream.getTracks().every((track) => track.stopped));
  closeDevices(null);
});

test("already allowed only when both are, and never by an exception", async () => {
  const saying = (states) => ({ query: async ({ name }) => ({ state: states[name] }) });
  assert.equal(await alreadyAllowed(saying({ camera: "granted", microphone: "granted" })), true);
  assert.equal(await alreadyAllowed(saying({ camera: "granted", microphone: "prompt" })), false);
  assert.equal(await alreadyAllowed({ query: async () => { throw new TypeError("unknown name"); } }), false);
  assert.equal(await alreadyAllowed(undefined), false);
});
