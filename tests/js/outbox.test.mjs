import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, Outbox } from "../../webclient/js/lib/outbox.js";

test("messages are numbered for each page and kept until it has them", () => {
  const outbox = new Outbox();
  assert.equal(outbox.keep("ana", { type: "status" }).seq, 1);
  assert.equal(outbox.keep("ana", { type: "status" }).seq, 2);
  assert.equal(outbox.keep("bo", { type: "status" }).seq, 1);
  assert.equal(outbox.got("ana", 1), true);
  assert.equal(outbox.got("ana", 1), false);
  assert.equal(outbox.got("nobody", 9), false);
  assert.deepEqual(outbox.waiting().map(({ to, seq }) => [to, seq]), [["ana", 2], ["bo", 1]]);
});

test("what waits for a page that will never come back is dropped, its numbers are not", () => {
  const outbox = new Outbox();
  outbox.keep("old", { type: "description" });
  outbox.keep("new", { type: "description" });
  outbox.only(["new"]);
  assert.deepEqual(outbox.waiting().map(({ to }) => to), ["new"]);
  assert.equal(outbox.keep("old", { type: "status" }).seq, 2);
});

test("each number is taken once, in order, without holes", () => {
  const inbox = new Inbox();
  const taken = [1, 1, 3, 2, 3, 2].map((seq) => inbox.take("ana", seq));
  assert.deepEqual(taken, ["new", "duplicate", "hole", "new", "new", "duplicate"]);
  assert.equal(inbox.last("ana"), 3);
  assert.equal(inbox.take("bo", 2), "hole");
});

test("over a line that loses and repeats, everything arrives once and in order", () => {
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  for (let round = 0; round < 50; round++) {
    const outbox = new Outbox();
    const inbox = new Inbox();
    const arrived = [];
    for (let n = 1; n <= 20; n++) outbox.keep("ana", { type: "status", n });
    for (let tries = 0; outbox.waiting().length; tries++) {
      assert.ok(tries < 1000);
      for (const message of outbox.waiting()) {
        if (random() < 0.4) continue; // lost
        for (let copy = random() < 0.2 ? 2 : 1; copy; copy--) if (inbox.take("li", message.seq) === "new") arrived.push(message.n);
      }
      if (random() > 0.4) outbox.got("ana", inbox.last("li"));
    }
    assert.deepEqual(arrived, Array.from({ length: 20 }, (_, n) => n + 1));
  }
});
