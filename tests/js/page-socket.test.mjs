import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { PageSocket } from "../../webclient/js/lib/page-socket.js";

/** The browser's WebSocket, as far as a page sees it; the test is the server. */
class Line extends EventTarget {
  static all = [];
  sent = [];
  constructor(url) {
    super();
    this.url = url;
    Line.all.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close(code) {
    this.closedWith = code;
  }
  /** What the server does. */
  opens() {
    this.dispatchEvent(new Event("open"));
  }
  says(message) {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }
  ends(code) {
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
  get types() {
    return this.sent.map(({ type }) => type);
  }
}

const WELCOME = { type: "welcome", instance: "me", role: "patient", visit: "v", server_now: "" };

beforeEach(() => {
  Line.all = [];
  mock.timers.enable({ apis: ["setTimeout"] });
});
afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

function socket(options = {}) {
  const made = new PageSocket({ url: "ws://x/live", instance: "me", WebSocket: Line, ...options });
  made.heard = [];
  made.states = [];
  made.addEventListener("message", ({ detail }) => made.heard.push(detail));
  made.addEventListener("state", ({ detail }) => made.states.push(detail));
  made.open();
  return made;
}

function welcomed(options) {
  const made = socket(options);
  Line.all.at(-1).opens();
  Line.all.at(-1).says(WELCOME);
  return made;
}

test("it says hello each time, fresh only until it was welcomed", () => {
  const page = socket();
  Line.all[0].opens();
  assert.deepEqual(Line.all[0].sent, [{ type: "hello", instance: "me", fresh: true }]);
  assert.equal(page.state, "connecting");
  Line.all[0].says(WELCOME);
  assert.equal(page.state, "open");
  Line.all[0].ends(1006);
  mock.timers.tick(500);
  Line.all[1].opens();
  assert.equal(Line.all[1].sent[0].fresh, false);
  assert.deepEqual(page.states, ["connecting", "open", "lost", "connecting"]);
});

test("a therapist's page names the visit that it is in, a patient's never", () => {
  const desk = welcomed();
  desk.send({ type: "admit", visit: "v7" });
  Line.all[0].says({ type: "call", visit: "v7" });
  Line.all[0].ends(1006);
  mock.timers.tick(500);
  Line.all[1].opens();
  assert.equal(Line.all[1].sent[0].visit, "v7");
  welcomed({ visit: "v8" });
  assert.equal(Line.all[2].sent[0].visit, "v8");
  welcomed();
  Line.all[3].says({ type: "call", visit: "v9" });
  Line.all[3].ends(1006);
  mock.timers.tick(500);
  Line.all.at(-1).opens();
  assert.equal("visit" in Line.all.at(-1).sent[0], false);
});

test("reconnects have full jitter, grow to 15 s, and begin anew after a steady connection", () => {
  const waits = [];
  mock.method(Math, "random", () => 0.999999);
  const page = socket();
  for (let n = 0; n < 9; n++) {
    const before = Line.all.length;
    Line.all.at(-1).ends(1006);
    let waited = 0;
    for (; Line.all.length === before; waited += 250) mock.timers.tick(250);
    waits.push(waited);
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000, 15000]);
  Line.all.at(-1).opens();
  Line.all.at(-1).says(WELCOME);
  mock.timers.tick(5000);
  const before = Line.all.length;
  Line.all.at(-1).ends(1012);
  mock.timers.tick(500);
  assert.equal(Line.all.length, before + 1);
  assert.equal(page.state, "connecting");
});

test("it does not come back when it was superseded or refused, and slowly after a fault of its own", () => {
  for (const [code, state] of [[4409, "superseded"], [4401, "refused"], [4403, "refused"]]) {
    const page = welcomed();
    const before = Line.all.length;
    Line.all.at(-1).ends(code);
    mock.timers.tick(100_000);
    page.nudge();
    assert.equal(Line.all.length, before);
    assert.equal(page.state, state);
  }
  mock.method(Math, "random", () => 0.999999);
  welcomed();
  const before = Line.all.length;
  Line.all.at(-1).ends(4429);
  mock.timers.tick(7000);
  assert.equal(Line.all.length, before);
  mock.timers.tick(1000);
  assert.equal(Line.all.length, before + 1);
});

test("nudged while lost, it tries at once; nudged while open, it asks whether the line lives", () => {
  mock.method(Math, "random", () => 0.999999);
  const page = welcomed();
  Line.all[0].ends(1006);
  page.nudge();
  assert.equal(Line.all.length, 2);
  Line.all[1].opens();
  Line.all[1].says(WELCOME);
  page.nudge();
  assert.equal(Line.all[1].types.at(-1), "ping");
  mock.timers.tick(3000);
  assert.equal(page.state, "lost");
  assert.equal(Line.all[1].closedWith, 4000);
});

test("a silent line is given up, an answered ping keeps it", () => {
  const page = welcomed();
  mock.timers.tick(20_000);
  assert.equal(Line.all[0].types.at(-1), "ping");
  Line.all[0].says({ type: "pong", server_now: "" });
  mock.timers.tick(10_000);
  assert.equal(page.state, "open");
  mock.timers.tick(20_000);
  mock.timers.tick(10_000);
  assert.equal(page.state, "lost");
});

test("what is not kept is sent now or never; what is kept is sent when the line is back", () => {
  const page = socket();
  assert.equal(page.send({ type: "leave" }), false);
  assert.equal(page.send({ type: "status", to: "peer", muted: true, camera_off: false }, { keep: true }), false);
  Line.all[0].opens();
  Line.all[0].says(WELCOME);
  assert.deepEqual(Line.all[0].sent.slice(1), [{ type: "status", to: "peer", muted: true, camera_off: false, seq: 1 }]);
  Line.all[0].ends(1006);
  mock.timers.tick(500);
  Line.all[1].opens();
  Line.all[1].says(WELCOME);
  assert.deepEqual(Line.all[1].types, ["hello", "status"]);
  Line.all[1].says({ type: "got", from: "peer", role: "therapist", seq: 1 });
  mock.timers.tick(15_000);
  assert.deepEqual(Line.all[1].types.filter((type) => type === "status").length, 1);
});

test("without an answer it is sent again after 1.5 s, and ever more seldom", () => {
  const page = welcomed();
  page.send({ type: "need_offer", to: "peer" }, { keep: true });
  const count = () => Line.all[0].types.filter((type) => type === "need_offer").length;
  mock.timers.tick(1500);
  assert.equal(count(), 2);
  mock.timers.tick(3000);
  assert.equal(count(), 3);
  page.setPeers(["another"]);
  Line.all[0].says({ type: "pong" });
  mock.timers.tick(14_000);
  assert.equal(count(), 3);
});

test("numbered messages reach the page once and in order, and are answered with one got", () => {
  const page = welcomed();
  const status = (seq) => ({ type: "status", from: "peer", role: "therapist", seq, muted: false, camera_off: false });
  for (const seq of [1, 1, 3]) Line.all[0].says(status(seq));
  Line.all[0].says({ type: "skip", from: "peer", role: "therapist", seq: 2 });
  Line.all[0].says(status(3));
  assert.deepEqual(page.heard.filter(({ type }) => type === "status").map(({ seq }) => seq), [1, 3]);
  mock.timers.tick(250);
  assert.deepEqual(Line.all[0].sent.slice(1), [{ type: "got", to: "peer", seq: 3 }]);
});

test("the server's own request for an offer has no number and always arrives", () => {
  const page = welcomed();
  for (let n = 0; n < 2; n++) Line.all[0].says({ type: "need_offer", from: "peer", role: "patient", seq: 0 });
  assert.equal(page.heard.filter(({ type }) => type === "need_offer").length, 2);
});
