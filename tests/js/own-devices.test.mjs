import assert from "node:assert/strict";
import { test } from "node:test";
import { callSettings } from "../../webclient/js/lib/call-settings.js";
import { openDevices } from "../../webclient/js/lib/devices.js";
import { OwnDevices } from "../../webclient/js/lib/own-devices.js";

const refuse = (name) => Object.assign(new Error(name), { name });

class Track extends EventTarget {
  readyState = "live";
  constructor(kind, deviceId, facingMode) {
    super();
    Object.assign(this, { kind, deviceId, facingMode, label: `the ${deviceId}` });
  }
  getSettings() {
    return { deviceId: this.deviceId, facingMode: this.facingMode };
  }
  stop() {
    this.readyState = "ended";
  }
  end() {
    this.stop();
    this.dispatchEvent(new Event("ended"));
  }
}

class Stream {
  tracks = [];
  getTracks() {
    return [...this.tracks];
  }
  addTrack(track) {
    this.tracks.push(track);
  }
  removeTrack(track) {
    this.tracks = this.tracks.filter((one) => one !== track);
  }
}

/** A computer with these cameras and microphones; `broken` maps an id to the error that opening it gives. */
class Computer extends EventTarget {
  broken = {};
  open = new Set();
  most = 0;
  constructor(cameras, microphones = ["mic"]) {
    super();
    Object.assign(this, { cameras, microphones });
  }
  async enumerateDevices() {
    const rows = (kind, ids) => ids.map((deviceId) => ({ kind, deviceId, label: `the ${deviceId}` }));
    return [...rows("videoinput", this.cameras), ...rows("audioinput", this.microphones)];
  }
  async getUserMedia({ video, audio }) {
    const stream = new Stream();
    for (const [kind, wanted, ids] of [["audio", audio, this.microphones], ["video", video, this.cameras]]) {
      if (!wanted) continue;
      const exact = wanted.deviceId?.exact;
      const side = wanted.facingMode?.exact;
      const id = exact ? ids.find((one) => one === exact) : side ? ids.find((one) => one.startsWith(side)) : ids[0];
      if (!id) throw refuse(exact || side ? "OverconstrainedError" : "NotFoundError");
      if (this.broken[id]) throw refuse(this.broken[id]);
      const facing = /^(user|environment)/.exec(id)?.[0];
      const track = new Track(kind, id, facing);
      this.open.add(track);
      this.most = Math.max(this.most, [...this.open].filter((one) => one.kind === "video" && one.readyState === "live").length);
      stream.addTrack(track);
    }
    return stream;
  }
  change() {
    this.dispatchEvent(new Event("devicechange"));
  }
}

async function started(computer, settings = callSettings(undefined)) {
  const own = new OwnDevices(settings, computer, Stream);
  const heard = [];
  for (const type of ["lost", "moved"]) own.addEventListener(type, ({ detail }) => heard.push([type, detail.kind, detail.reason ?? detail.label]));
  own.take((await openDevices({}, computer, settings.values)).stream);
  return { own, heard, settings };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 5));
const camera = (own) => (own.works("camera") ? own.track("camera").deviceId : null);

test("a camera that is unplugged: the next one takes its place in the same stream", async () => {
  const computer = new Computer(["a", "b"]);
  const { own, heard } = await started(computer);
  const { stream } = own;
  computer.cameras = ["b"];
  own.track("camera").end();
  await soon();
  assert.equal(camera(own), "b");
  assert.equal(own.stream, stream);
  assert.equal(stream.getTracks().length, 2);
  assert.deepEqual(heard, [["moved", "camera", "the b"]]);
});

test("the only one is unplugged: said once, the microphone stays, and it is taken again when it is back", async () => {
  const computer = new Computer(["a"]);
  const { own, heard } = await started(computer);
  computer.cameras = [];
  own.track("camera").end();
  await soon();
  assert.deepEqual(heard, [["lost", "camera", "missing"]]);
  assert.ok(own.works("microphone"));
  computer.cameras = ["a"];
  computer.change();
  await soon();
  assert.equal(camera(own), "a");
  assert.equal(own.lost.size, 0);
});

test("a permission that is withdrawn is not asked for again and again", async () => {
  const computer = new Computer(["a", "b"]);
  const { own, heard } = await started(computer);
  computer.broken = { a: "NotAllowedError", b: "NotAllowedError" };
  own.track("camera").end();
  await soon();
  assert.deepEqual(heard, [["lost", "camera", "denied"]]);
});

test("interrupted, and still there: the same one again", async () => {
  const { own, heard } = await started(new Computer(["a", "b"]));
  const dead = own.track("camera");
  assert.equal(await own.renew("camera"), "on");
  assert.notEqual(own.track("camera"), dead);
  assert.equal(camera(own), "a");
  assert.deepEqual(heard, []);
});

test("a chosen one is kept for the next page; one camera is open at a time", async () => {
  const computer = new Computer(["a", "b"]);
  const { own, settings } = await started(computer);
  assert.equal(await own.choose("camera", "b"), "on");
  assert.equal(camera(own), "b");
  assert.equal(computer.most, 1, "phones let a page have one");
  const next = await started(computer, settings);
  assert.equal(camera(next.own), "b");
  computer.cameras = ["a"];
  const later = await started(computer, settings);
  assert.equal(camera(later.own), "a", "one that has gone is no hindrance");
});

test("a chosen one that is busy: said, and the one before comes back", async () => {
  const computer = new Computer(["a", "b"]);
  const { own, settings } = await started(computer);
  computer.broken = { b: "NotReadableError" };
  assert.equal(await own.choose("camera", "b"), "busy");
  assert.equal(camera(own), "a");
  assert.equal(settings.values.camera, "");
});

test("turned round, and back; with a single camera nothing happens", async () => {
  const computer = new Computer(["user", "environment"]);
  const { own } = await started(computer);
  assert.equal(await own.turnRound(), "on");
  assert.equal(camera(own), "environment");
  assert.equal(await own.turnRound(), "on");
  assert.equal(camera(own), "user");
  const single = await started(new Computer(["a"]));
  assert.equal(await single.own.turnRound(), "missing");
  assert.equal(camera(single.own), "a");
});

test("who went in without a camera turns one on; without any device there is a reason", async () => {
  const computer = new Computer(["a"]);
  const own = new OwnDevices(callSettings(undefined), computer, Stream);
  assert.equal(await own.turnOn("camera"), "on");
  assert.equal(camera(own), "a");
  const none = new OwnDevices(callSettings(undefined), undefined, Stream);
  assert.equal(await none.turnOn("camera"), "insecure");
});

test("a track of a stream before says nothing", async () => {
  const { own, heard } = await started(new Computer(["a"]));
  const old = own.track("camera");
  own.take(null);
  old.end();
  await soon();
  assert.deepEqual(heard, []);
  assert.equal(own.stream, null);
});
