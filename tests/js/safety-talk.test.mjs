import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { afterEach, beforeEach, mock, test } from "node:test";
import { SafetyTalk } from "../../webclient/js/lib/safety-talk.js";

const seal = (name) => new Uint8Array(createHash("sha256").update(name).digest());

beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "setInterval"] }));
afterEach(() => mock.timers.reset());

/** The hashes that are being computed, so that a test knows when there is nothing left to wait for. */
let computing = 0;
const { subtle } = globalThis.crypto;
const digest = subtle.digest.bind(subtle);
subtle.digest = (...args) => {
  computing++;
  return digest(...args).finally(() => computing--);
};

/** Until nothing is computed and nothing is queued any more. */
async function settle() {
  for (let quiet = 0; quiet < 20; quiet = computing ? 0 : quiet + 1) await new Promise((resolve) => setImmediate(resolve));
}

async function pass(ms) {
  mock.timers.tick(ms);
  await settle();
}

/** A page: its connection, as the transport sees it, and its end of the line to the other page. */
class Side {
  sent = [];
  line = (message) => this.other.hears(message);
  constructor(role, certificate) {
    this.instance = role;
    this.pc = { connectionState: "new" };
    this.certificates = { own: seal(certificate), theirs: null };
    const socket = {
      send: (message, options) => {
        assert.ok(options.keep, "it must survive a lost socket");
        this.sent.push(message);
        this.line(message);
        return true;
      },
    };
    this.talk = new SafetyTalk({
      socket,
      offers: role === "therapist",
      read: async () => (this.certificates?.theirs ? this.certificates : null),
      readTheirs: async () => this.certificates?.theirs ?? null,
    });
  }
  hears({ to, ...message }) {
    if (to === this.instance) this.talk.receive({ ...message, from: this.other.instance });
  }
  becomes(state) {
    this.pc.connectionState = state;
    this.talk.follow(this.pc, this.other.instance);
  }
  get steps() {
    return this.sent.map(({ step }) => step);
  }
}

function pair() {
  const [li, ana] = [new Side("therapist", "li"), new Side("patient", "ana")];
  [li.other, ana.other] = [ana, li];
  li.certificates.theirs = ana.certificates.own;
  ana.certificates.theirs = li.certificates.own;
  return { li, ana };
}

async function connected({ li, ana }) {
  for (const side of [li, ana]) side.becomes("connected");
  await pass(1000);
}

test("a second after the connection both have the same words, and nothing was said before", async () => {
  const both = pair();
  const { li, ana } = both;
  for (const side of [li, ana]) side.becomes("connecting");
  await pass(5000);
  assert.equal(li.talk.state.phase, "none");
  for (const side of [li, ana]) side.becomes("connected");
  assert.equal(li.talk.state.phase, "waiting");
  await pass(999);
  assert.deepEqual([...li.sent, ...ana.sent], []);
  await pass(1);
  assert.equal(li.talk.state.phase, "words");
  assert.equal(li.talk.state.numbers.length, 4);
  assert.deepEqual(ana.talk.state, li.talk.state);
  assert.deepEqual([li.steps, ana.steps], [["commit", "reveal"], ["nonce"]]);
});

test("a page that connects later, or slower, is waited for", async () => {
  const { li, ana } = pair();
  li.becomes("connected");
  await pass(1000);
  assert.deepEqual(li.steps, ["commit"]);
  assert.deepEqual(ana.steps, [], "it does not know its connection yet");
  ana.becomes("connected");
  await pass(1000);
  assert.equal(ana.talk.state.phase, "words");
  assert.deepEqual(ana.talk.state, li.talk.state);
});

test("a break and an ICE restart keep the words: the certificates are the same", async () => {
  const both = pair();
  await connected(both);
  const { numbers } = both.li.talk.state;
  both.li.becomes("disconnected");
  both.li.becomes("connected");
  await pass(20_000);
  assert.deepEqual(both.li.talk.state, { phase: "words", numbers });
  assert.deepEqual(both.li.steps, ["commit", "reveal"]);
});

test("another connection to the same page: other words", async () => {
  const both = pair();
  const { li, ana } = both;
  await connected(both);
  const { numbers } = li.talk.state;
  for (const side of [li, ana]) {
    side.talk.stop();
    assert.deepEqual(side.talk.state, { phase: "none", numbers: [] }, "words do not outlive their connection");
    side.pc = { connectionState: "new" };
  }
  await connected(both);
  assert.equal(li.talk.state.phase, "words");
  assert.deepEqual(ana.talk.state, li.talk.state);
  assert.notDeepEqual(li.talk.state.numbers, numbers);
  assert.deepEqual(li.sent.map(({ run }) => run), [1, 1, 2, 2]);
});

for (const how of ["a changed state", "the clock"]) {
  test(`a certificate that is swapped in mid-call takes the words away; seen by ${how}`, async () => {
    const both = pair();
    const { li, ana } = both;
    await connected(both);
    li.line = ana.line = () => undefined; // who swaps it says nothing
    ana.certificates = { ...ana.certificates, theirs: seal("mallory") };
    if (how === "the clock") await pass(5000);
    else ana.becomes("connected");
    await settle();
    assert.deepEqual(ana.talk.state, { phase: "waiting", numbers: [] });
  });
}

test("the therapist's page begins anew with another certificate on the same connection of the patient's", async () => {
  const both = pair();
  const { li, ana } = both;
  await connected(both);
  const { numbers } = ana.talk.state;
  li.talk.stop();
  li.pc = { connectionState: "connected" };
  li.certificates = { ...li.certificates, own: seal("li again") };
  ana.certificates = { ...ana.certificates, theirs: li.certificates.own };
  li.becomes("connected");
  await pass(1000); // the commitment is what makes Ana's page look
  await pass(1000);
  assert.equal(ana.talk.state.phase, "words");
  assert.deepEqual(ana.talk.state, li.talk.state);
  assert.notDeepEqual(ana.talk.state.numbers, numbers);
});

test("swapped certificates under passed-on messages: both pages say so", async () => {
  const both = pair();
  const { li, ana } = both;
  li.certificates.theirs = ana.certificates.theirs = seal("mallory");
  await connected(both);
  assert.equal(ana.talk.state.phase, "mismatch");
  assert.equal(li.talk.state.phase, "mismatch");
  // and no later message makes it good
  const [commit, reveal] = li.sent;
  for (const message of [commit, reveal]) ana.hears(message);
  await settle();
  assert.equal(ana.talk.state.phase, "mismatch");
});

test("what is replayed, out of turn, of another talk or of another connection changes nothing", async () => {
  const both = pair();
  const { li, ana } = both;
  await connected(both);
  const before = li.talk.state;
  const lies = [
    { to: "patient", run: 1, step: "commit", value: "x".repeat(43) },
    { to: "patient", run: 2, step: "commit", value: "x".repeat(43) },
    { to: "patient", run: 1, step: "reveal", value: "x".repeat(22) },
    { to: "patient", run: 2, step: "reveal", value: "x".repeat(22) },
    { to: "patient", run: 1, step: "unable", value: "" },
    { to: "therapist", run: 1, step: "nonce", value: "x".repeat(22) },
    { to: "therapist", run: 2, step: "nonce", value: "x".repeat(22) },
    { to: "therapist", run: 2, step: "mismatch", value: "" },
    { to: "therapist", run: 1, step: "unable", value: "" },
  ];
  const [said, answered] = [li.sent.length, ana.sent.length];
  for (const lie of lies) for (const side of [li, ana]) side.hears(lie);
  await settle();
  assert.deepEqual(li.talk.state, before);
  assert.deepEqual(ana.talk.state, before);
  assert.deepEqual([li.sent.length, ana.sent.length], [said, answered]);
});

test("a message that arrives while its connection ends says nothing about the next", async () => {
  const both = pair();
  const { li, ana } = both;
  await connected(both);
  ana.hears({ to: "patient", run: 9, step: "commit", value: "x".repeat(43) });
  for (const side of [li, ana]) {
    side.talk.stop();
    side.pc = { connectionState: "new" };
  }
  await settle();
  await connected(both);
  assert.equal(ana.talk.state.phase, "words");
  assert.deepEqual(ana.talk.state, li.talk.state);
});

for (const who of ["li", "ana"]) {
  test(`a browser that does not show its certificates (${who}'s): both pages know that there will be no words`, async () => {
    const both = pair();
    both[who].certificates = null;
    await connected(both);
    assert.equal(both.li.talk.state.phase, "unable");
    assert.equal(both.ana.talk.state.phase, "unable");
  });
}
