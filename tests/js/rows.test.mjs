import assert from "node:assert/strict";
import { test } from "node:test";
import { place, staying } from "../../webclient/js/lib/rows.js";

/** A list of nodes that counts who is moved. */
class List {
  constructor(names) {
    this.rows = new Map([...names].map((name) => [name, { name }]));
    this.children = [...this.rows.values()];
    this.moved = [];
  }

  insertBefore(row, next) {
    this.moved.push(row.name);
    this.children = this.children.filter((one) => one !== row);
    this.children.splice(next ? this.children.indexOf(next) : this.children.length, 0, row);
  }

  become(names) {
    const rows = [...names].map((name) => this.rows.get(name) ?? { name });
    this.children = this.children.filter((row) => rows.includes(row)); // who has gone goes first
    place(this, rows);
    assert.equal(this.children.map((row) => row.name).join(""), names);
    return this.moved.join("");
  }
}

test("who stays is not moved when somebody goes, comes or changes place", () => {
  assert.equal(new List("abcd").become("bcd"), "", "the first is admitted");
  assert.equal(new List("abcd").become("acd"), "");
  assert.equal(new List("abcd").become("abcd"), "");
  assert.equal(new List("abcd").become("abcde"), "e");
  assert.equal(new List("abcd").become("bcda"), "a", "the first goes to the end");
  assert.equal(new List("abcd").become("dabc"), "d", "the last is put first");
  assert.equal(new List("abcd").become(""), "");
  assert.equal(new List("").become("ab"), "ba");
});

test("one that is in another list stays where it is until that list takes it", () => {
  const list = new List("abc");
  place(list, [list.rows.get("a"), list.rows.get("c")]);
  assert.deepEqual(list.moved, []);
});

test("any order is reached, with no more moves than rows that are out of order", () => {
  const names = "abcdef";
  for (let n = 0; n < 300; n += 1) {
    const rank = new Map([...names].map((name, index) => [name, ((n + 1) * 7919 * (index + 3)) % 101]));
    const after = [...names].sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0)).slice(0, 1 + (n % 6));
    const kept = staying([...names].filter((one) => after.includes(one)), after);
    assert.equal(new List(names).become(after.join("")).length, after.length - kept.size);
  }
});
