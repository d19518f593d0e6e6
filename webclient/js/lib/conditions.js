// The form's conditions ("shown when"), as server/form/conditions.py writes them into data-show. Knows nothing of the
// document: it reads the names and values that a form would send.

/** @typedef {(string | string[] | number | Condition)[]} Condition */
/** Names of controls and their values, in order. @typedef {Map<string, string[]>} Values */

/**
 * Names and values of a form, without its empty ones: an empty answer is an absent one.
 * @param {Iterable<[string, unknown]>} pairs
 * @returns {Values}
 */
export function valuesOf(pairs) {
  /** @type {Values} */
  const values = new Map();
  for (const [name, value] of pairs) {
    if (typeof value !== "string" || value.trim() === "") continue;
    values.set(name, [...(values.get(name) ?? []), value.trim()]);
  }
  return values;
}

/**
 * @param {Values} values
 * @param {string} path "C1", "A4.given_by", "E1[].condition" or ".condition" (a sibling)
 * @param {string} within the name before the last part, for siblings: "E1-0"
 * @returns {string[]}
 */
export function lookUp(values, path, within) {
  if (path.startsWith(".")) return values.get(`${within}-${path.slice(1)}`) ?? [];
  const [list, part] = path.split("[].");
  if (part !== undefined) {
    const row = new RegExp(`^${list}-\\d+-${part}$`);
    return [...values].filter(([name]) => row.test(name)).flatMap(([, found]) => found);
  }
  return values.get(path.replace(".", "-")) ?? [];
}

/** @param {string} text */
const digits = (text) => text.replace(/\D/g, "").slice(-10);

/**
 * @param {Condition} condition
 * @param {Values} values
 * @param {string} [within]
 * @returns {boolean}
 */
export function holds(condition, values, within = "") {
  const [kind, ...rest] = condition;
  /** @param {unknown} path */
  const found = (path) => lookUp(values, String(path), within);
  const inner = /** @type {Condition[]} */ (rest);
  switch (kind) {
    case "is": {
      const wanted = /** @type {string[]} */ (rest[1]);
      const now = found(rest[0]);
      return now.length ? now.some((value) => wanted.includes(value)) : wanted.includes("not_asked");
    }
    case "atLeast":
      return found(rest[0]).some((value) => /^\d+$/.test(value) && Number(value) >= Number(rest[1]));
    case "filled":
      return found(rest[0]).some((value) => value !== "not_asked");
    case "same": {
      const others = found(rest[1]).map(digits);
      return found(rest[0]).some((value) => digits(value) !== "" && others.includes(digits(value)));
    }
    case "any":
      return inner.some((one) => holds(one, values, within));
    case "all":
      return inner.every((one) => holds(one, values, within));
    case "not":
      return !holds(/** @type {Condition} */ (inner[0]), values, within);
    default:
      throw new Error(`unknown condition ${String(kind)}`);
  }
}
