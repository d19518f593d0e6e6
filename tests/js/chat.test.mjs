import assert from "node:assert/strict";
import { test } from "node:test";
import { Chat, cleanText, MOST_CHARACTERS } from "../../webclient/js/lib/chat.js";

class Socket extends EventTarget {
  state = "open";
  sent = [];
  send(message) {
    if (this.state !== "open") return false;
    this.sent.push(message);
    return true;
  }
  hear(message) {
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }
  become(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
  take() {
    return this.sent.splice(0);
  }
}

const line = (seq, role, text, id = `id${seq}`) => ({ type: "chat", seq, id, role, at: "2026-11-23T12:00:00.000Z", text, own: role === "patient", name: role === "patient" ? null : "Dr. Li" });
const CALL = { type: "call", visit: "v1" };

/** A patient's chat that has asked and has everything. */
function started(visit = CALL) {
  const socket = new Socket();
  const chat = new Chat({ socket, firstMs: 0 });
  const heard = [];
  chat.addEventListener("line", (event) => heard.push(event.detail.text));
  socket.hear(visit);
  socket.hear({ type: "chats", last: 0 });
  socket.take();
  return { socket, chat, heard };
}

test("a message stays until the service has it, and is sent again after a reconnect, before that nothing is lost", () => {
  const { socket, chat } = started();
  assert.equal(chat.say("  one\r\ntwo "), true);
  const [first] = socket.take();
  assert.deepEqual([first.type, first.text], ["chat", "one\ntwo"]);
  assert.match(first.id, /^[A-Za-z0-9_-]{22}$/);
  socket.become("lost");
  chat.say("three");
  assert.deepEqual(chat.pending.map(({ text }) => text), ["one\ntwo", "three"]);
  socket.become("connecting");
  socket.become("open");
  assert.deepEqual(socket.take(), [], "not before the service says that the call is open");
  socket.hear(CALL);
  const [asks, ...again] = socket.take();
  assert.deepEqual(asks, { type: "chats", after: 0 });
  assert.deepEqual(again.map(({ id, text }) => [id === first.id, text]), [[true, "one\ntwo"], [false, "three"]]);
  socket.hear(line(1, "patient", "one\ntwo", first.id));
  assert.deepEqual(chat.pending.map(({ text }) => text), ["three"]);
  assert.deepEqual(chat.lines.map(({ text }) => text), ["one\ntwo"]);
});

test("a further call message on the same connection asks nothing again", () => {
  const { socket } = started();
  socket.hear({ ...CALL, phone: true });
  assert.deepEqual(socket.take(), []);
});

test("lines come in any order and twice, and stand in theirs once", () => {
  const { socket, chat, heard } = started();
  for (const seq of [2, 1, 2, 3, 1]) socket.hear(line(seq, "therapist", `t${seq}`));
  assert.deepEqual(chat.lines.map(({ seq }) => seq), [1, 2, 3]);
  assert.deepEqual(heard, ["t2", "t1", "t3"]);
});

test("after a reconnect everything since the last number without a hole is asked for", () => {
  const { socket } = started();
  for (const seq of [1, 2, 4]) socket.hear(line(seq, "therapist", "x"));
  socket.become("lost");
  socket.become("open");
  socket.hear(CALL);
  assert.deepEqual(socket.take(), [{ type: "chats", after: 2 }]);
});

test("a long conversation is asked for in parts; none of it is announced as new", () => {
  const socket = new Socket();
  const chat = new Chat({ socket, firstMs: 0 });
  const heard = [];
  chat.addEventListener("line", (event) => heard.push(event.detail.text));
  let whole = 0;
  chat.addEventListener("whole", () => whole++);
  socket.hear(CALL);
  for (let seq = 1; seq <= 30; seq++) socket.hear(line(seq, "therapist", "x"));
  socket.hear({ type: "chats", last: 31 });
  assert.deepEqual(socket.take(), [{ type: "chats", after: 0 }, { type: "chats", after: 30 }]);
  socket.hear(line(31, "therapist", "last"));
  assert.equal(whole, 0);
  socket.hear({ type: "chats", last: 31 });
  assert.equal(whole, 1);
  socket.hear(line(32, "therapist", "new"));
  assert.deepEqual(heard, ["new"]);
  assert.equal(chat.lines.length, 32);
});

test("nothing of one visit reaches the next", () => {
  const { socket, chat } = started();
  let anew = 0;
  chat.addEventListener("anew", () => anew++);
  socket.hear(line(1, "therapist", "x"));
  chat.say("on its way");
  socket.take();
  socket.hear({ type: "call", visit: "v2" });
  assert.deepEqual([chat.lines, chat.pending, anew], [[], [], 1]);
  assert.deepEqual(socket.take(), [{ type: "chats", after: 0 }]);
});

test("when the visit is over nothing more is written, and what was not sent says so", () => {
  const { socket, chat } = started();
  chat.say("too late");
  socket.hear({ type: "ended" });
  assert.equal(chat.pending[0].failed, true);
  assert.equal(chat.say("more"), false);
  assert.equal(chat.open, false);
});

test("a refusal for good is shown; a service that is not ready is asked again", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { socket, chat } = started();
  chat.say("hello");
  socket.take();
  socket.hear({ type: "refused", about: "chat", code: "unavailable" });
  assert.equal(chat.pending[0].failed, false);
  context.mock.timers.tick(2000);
  assert.deepEqual(socket.take().map(({ type, text }) => [type, text]), [["chat", "hello"]]);
  socket.hear({ type: "refused", about: "chat", code: "not_possible_now" });
  assert.equal(chat.pending[0].failed, true);
});

test("what is typed is made what the service takes", () => {
  assert.equal(cleanText("a\tb\u0000c\u001b[2J\u0085d\r\ne\rf"), "a bc[2Jd\ne\nf");
  assert.equal(cleanText(" \n "), "");
  assert.equal(cleanText("x".repeat(3000)).length, MOST_CHARACTERS);
  const { chat } = started();
  assert.equal(chat.say(" \n "), false);
});
