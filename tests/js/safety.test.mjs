import assert from "node:assert/strict";
import { createHash, webcrypto } from "node:crypto";
import { test } from "node:test";
import { Answerer, fingerprintOf, newNonce, Offerer, sameBytes, safetyWords } from "../../webclient/js/lib/safety.js";
import { WORDS } from "../../webclient/js/lib/safety-words.js";

/** A certificate's fingerprint. */
const seal = (name) => new Uint8Array(createHash("sha256").update(name).digest());
const LI = seal("li's certificate");
const ANA = seal("ana's certificate");
const MALLORY = seal("mallory's certificate");
const text = (bytes) => Buffer.from(bytes).toString("base64url");

const offerer = (own, theirs, nonce) => new Offerer({ fingerprints: { own, theirs }, nonce });
const answerer = (own, theirs, nonce) => new Answerer({ fingerprints: { own, theirs }, nonce });

/** The whole talk; `way` may change each message as it passes. */
async function talk(one, two, way = {}) {
  const pass = (step, value) => way[step]?.(value) ?? value;
  const nonce = two.committed(pass("commit", await one.commitment()));
  const done = await one.answered(pass("nonce", nonce));
  return { li: done.numbers, ana: await two.revealed(pass("reveal", done.reveal)) };
}

test("both sides of an honest call have the same four numbers, others the next time", async () => {
  const first = await talk(offerer(LI, ANA), answerer(ANA, LI));
  assert.deepEqual(first.li, first.ana);
  assert.equal(first.li.length, 4);
  assert.ok(first.li.every((number) => Number.isInteger(number) && number >= 0 && number < 256));
  const second = await talk(offerer(LI, ANA), answerer(ANA, LI));
  assert.notDeepEqual(second.li, first.li);
});

test("the numbers are what the protocol says, computed by another hand", async () => {
  const [a, b] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
  const hash = (...parts) => createHash("sha256").update(Buffer.concat(parts.map((part) => Buffer.from(part)))).digest();
  const head = "twenty-minutes safety words 1\0";
  const one = offerer(LI, ANA, new Uint8Array(a));
  assert.equal(await one.commitment(), text(hash(`${head}commitment of the offerer\0`, LI, a)));
  const { li } = await talk(one, answerer(ANA, LI, new Uint8Array(b)));
  assert.deepEqual(li, [...hash(`${head}words\0`, LI, ANA, a, b).subarray(0, 4)]);
});

test("swapped certificates under passed-on messages: the commitment does not fit", async () => {
  const { ana } = await talk(offerer(LI, MALLORY), answerer(ANA, MALLORY));
  assert.equal(ana, "mismatch");
});

test("who talks with each side on their own gets two different sets of words", async () => {
  for (let round = 0; round < 50; round++) {
    const toLi = answerer(MALLORY, LI);
    const toAna = offerer(MALLORY, ANA);
    const [atLi, atAna] = await Promise.all([talk(offerer(LI, MALLORY), toLi), talk(toAna, answerer(ANA, MALLORY))]);
    assert.deepEqual(atLi.li, atLi.ana, "each leg for itself is in order");
    assert.notDeepEqual(atLi.li, atAna.ana);
  }
});

/** Searches a nonce with which Mallory's words would match in one number (the four would only take longer). */
async function search(wanted, words) {
  for (;;) {
    const nonce = newNonce();
    if ((await words(nonce))[0] === wanted[0]) return nonce;
  }
}

test("words first with the offerer: the nonce that would make the answerer's match is found too late", async () => {
  const { numbers: atLi } = await offerer(LI, MALLORY).answered(text(newNonce()));
  const ana = answerer(ANA, MALLORY);
  const bound = offerer(MALLORY, ANA); // to this, before Ana says hers
  const anas = ana.committed(await bound.commitment());
  const found = await search(atLi, async (nonce) => (await offerer(MALLORY, ANA, nonce).answered(anas)).numbers);
  assert.equal(await ana.revealed(text(found)), "mismatch");
});

test("words first with the answerer: the nonce that would make the offerer's match is found too late", async () => {
  const { ana: atAna } = await talk(offerer(MALLORY, ANA), answerer(ANA, MALLORY));
  const li = offerer(LI, MALLORY);
  const { reveal, numbers: atLi } = await li.answered(text(newNonce())); // Li shows hers only for an answer
  const lis = new Uint8Array(Buffer.from(reveal, "base64url"));
  const found = await search(atAna, async (nonce) => (await offerer(LI, MALLORY, lis).answered(text(nonce))).numbers);
  assert.equal(await li.answered(text(found)), null, "the first one stands");
  assert.notDeepEqual(atLi, atAna);
});

test("a nonce that does not fit the commitment is a mismatch, and stays one", async () => {
  const li = offerer(LI, ANA);
  const ana = answerer(ANA, LI);
  const { reveal } = await li.answered(ana.committed(await li.commitment()));
  const changed = text(Uint8Array.from(Buffer.from(reveal, "base64url"), (byte, at) => (at === 15 ? byte ^ 1 : byte)));
  assert.equal(await ana.revealed(changed), "mismatch");
  assert.equal(await ana.revealed(reveal), null, "a second attempt counts for nothing");
});

test("a commitment of another certificate, role or nonce does not fit", async () => {
  for (const one of [offerer(MALLORY, ANA), offerer(ANA, LI)]) {
    const ana = answerer(ANA, LI);
    const { reveal } = await one.answered(ana.committed(await one.commitment()));
    assert.equal(await ana.revealed(reveal), "mismatch");
  }
  const [before, now] = [offerer(LI, ANA), offerer(LI, ANA)];
  const { ana } = await talk(now, answerer(ANA, LI), { reveal: () => text(before.nonce) });
  assert.equal(ana, "mismatch", "an older talk's nonce, replayed");
});

test("a whole older talk, replayed, gives other words or none", async () => {
  const said = {};
  const remember = (step) => (value) => ((said[step] = value), value);
  const one = offerer(LI, ANA);
  const before = await talk(one, answerer(ANA, LI), { commit: remember("commit"), nonce: remember("nonce"), reveal: remember("reveal") });
  const ana = answerer(ANA, LI);
  ana.committed(said.commit);
  assert.notDeepEqual(await ana.revealed(said.reveal), before.ana, "her nonce is a new one");
  const li = offerer(LI, ANA);
  assert.notDeepEqual((await li.answered(said.nonce)).numbers, before.li);
});

test("each step counts once: nobody throws the dice again", async () => {
  const li = offerer(LI, ANA);
  const ana = answerer(ANA, LI);
  const commitment = await li.commitment();
  const nonce = ana.committed(commitment);
  assert.equal(ana.committed(commitment), null);
  assert.equal(ana.committed(await offerer(LI, ANA).commitment()), null);
  const done = await li.answered(nonce);
  assert.equal(await li.answered(text(newNonce())), null);
  assert.deepEqual(await ana.revealed(done.reveal), done.numbers);
});

test("nothing is shown before its time, and what is no nonce is none", async () => {
  assert.equal(await answerer(ANA, LI).revealed(text(newNonce())), null, "nothing was committed");
  for (const bad of ["", "a", "a".repeat(21), "a".repeat(23), "ä".repeat(22), `${"a".repeat(21)}=`, `${"a".repeat(21)}\n`]) {
    assert.equal(await offerer(LI, ANA).answered(bad), null);
    assert.equal(answerer(ANA, LI).committed(bad), null);
    const ana = answerer(ANA, LI);
    ana.committed(await offerer(LI, ANA).commitment());
    assert.equal(await ana.revealed(bad), "mismatch");
  }
  assert.throws(() => offerer(LI.subarray(1), ANA), RangeError);
  assert.throws(() => answerer(ANA, LI, new Uint8Array(15)), RangeError);
});

test("a fingerprint is the SHA-256 of the certificate", async () => {
  const der = Buffer.from("certificate");
  assert.ok(sameBytes(await fingerprintOf(der, webcrypto.subtle), seal("certificate")));
  assert.ok(!sameBytes(LI, ANA));
  assert.ok(!sameBytes(LI, LI.subarray(1)));
  assert.ok(!sameBytes(null, null), "two unknown ones are not the same");
});

test("each language has 256 words that nobody mistakes for one another", () => {
  for (const words of Object.values(WORDS)) {
    assert.equal(words.length, 256);
    assert.ok(words.every((word) => /^\p{Ll}[\p{Ll}-]{1,14}$/u.test(word)));
    const plain = words.map((word) => word.replace("œ", "oe").normalize("NFD").replace(/\p{M}/gu, ""));
    plain.forEach((a, at) => plain.slice(0, at).forEach((b) => assert.ok(distance(a, b) >= 2, `${a} and ${b}`)));
  }
});

test("the numbers are the same in both languages, and so is what their words mean", () => {
  const apple = WORDS.en.indexOf("apple");
  assert.deepEqual(safetyWords([apple, 255], "en-CA"), ["apple", "zebra"]);
  assert.deepEqual(safetyWords([apple, 255], "fr-CA"), ["pomme", "zèbre"]);
  assert.deepEqual(safetyWords([apple], "de"), ["apple"]);
});

/** How many letters to change, add or leave out to get from one word to the other. */
function distance(a, b) {
  let row = [...b, ""].map((_, at) => at);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      next.push(Math.min(row[j + 1] + 1, next[j] + 1, row[j] + (letter === other ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1);
}
