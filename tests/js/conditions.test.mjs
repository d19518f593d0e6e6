import assert from "node:assert/strict";
import { test } from "node:test";

import { holds, lookUp, valuesOf } from "../../webclient/js/lib/conditions.js";

const values = valuesOf([
  ["C1", "yes"],
  ["A4-given_by", "sdm"],
  ["E1-0-condition", "stroke"],
  ["E1-1-condition", "other"],
  ["J1", "memory"],
  ["J1", "planning"],
  ["F5", "2"],
  ["A7", "+1 416 555 0123"],
  ["A8-phone", "(416) 555-0123"],
  ["N1", ""],
  ["B4", "  "],
]);

test("values come from a path of the document", () => {
  assert.deepEqual(lookUp(values, "A4.given_by", ""), ["sdm"]);
  assert.deepEqual(lookUp(values, "E1[].condition", ""), ["stroke", "other"]);
  assert.deepEqual(lookUp(values, ".condition", "E1-1"), ["other"]);
  assert.deepEqual(lookUp(values, "J1", ""), ["memory", "planning"]);
  assert.deepEqual(lookUp(values, "N1", ""), [], "an empty answer is an absent one");
});

test("each kind of condition", () => {
  for (const [condition, expected] of /** @type {[any, boolean][]} */ ([
    [["is", "C1", ["yes"]], true],
    [["is", "C1", ["no"]], false],
    [["is", "D1", ["not_asked"]], true],
    [["is", "D1", ["yes"]], false],
    [["atLeast", "F5", 1], true],
    [["atLeast", "F5", 3], false],
    [["filled", "B4"], false],
    [["filled", "C1"], true],
    [["same", "A8.phone", "A7"], true],
    [["same", "A8.phone", "B4"], false],
    [["not", ["is", "C1", ["yes"]]], false],
    [["all", ["is", "C1", ["yes"]], ["atLeast", "F5", 2]], true],
    [["any", ["is", "C1", ["no"]], ["atLeast", "F5", 2]], true],
  ])) {
    assert.equal(holds(condition, values), expected, JSON.stringify(condition));
  }
  assert.throws(() => holds(["eval", "alert(1)"], values));
});

test("a sibling is looked for in its own row", () => {
  assert.equal(holds(["is", ".condition", ["other"]], values, "E1-1"), true);
  assert.equal(holds(["is", ".condition", ["other"]], values, "E1-0"), false);
});
