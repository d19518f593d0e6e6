// Rows of a list that stay the same nodes while others come and go: a row that is moved in the page loses its focus and a
// press that has begun, and a list that is read out is read out again.

/**
 * Of those that stand there, which need not move for the new order: as many as can be.
 * @template T
 * @param {T[]} before each once
 * @param {T[]} after each once
 * @returns {Set<T>}
 */
export function staying(before, after) {
  const places = new Map(after.map((one, index) => [one, index]));
  const here = before.filter((one) => places.has(one));
  const order = here.map((one) => places.get(one) ?? 0);
  // the longest rising run: of each its length, and the one before it
  const length = order.map(() => 1);
  const from = order.map(() => -1);
  let last = -1;
  order.forEach((place, n) => {
    for (let m = 0; m < n; m += 1) {
      if ((order[m] ?? 0) < place && (length[m] ?? 0) + 1 > (length[n] ?? 0)) {
        length[n] = (length[m] ?? 0) + 1;
        from[n] = m;
      }
    }
    if (last < 0 || (length[n] ?? 0) > (length[last] ?? 0)) last = n;
  });
  /** @type {Set<T>} */
  const kept = new Set();
  for (let n = last; n >= 0; n = from[n] ?? -1) kept.add(/** @type {T} */ (here[n]));
  return kept;
}

/**
 * Brings rows into their order; only those are moved that must be. Who has gone is taken away before (`takeAway`).
 * @param {Element} list
 * @param {Element[]} rows
 */
export function place(list, rows) {
  const kept = staying([...list.children], rows);
  /** @type {Element | null} */
  let next = null;
  for (const row of [...rows].reverse()) {
    if (!kept.has(row)) move(list, row, next);
    next = row;
  }
}

/**
 * @param {Element} list
 * @param {Element} row
 * @param {Element | null} next
 */
function move(list, row, next) {
  const focus = row.ownerDocument?.activeElement;
  const held = !!focus && row.contains(focus);
  list.insertBefore(row, next);
  if (held && focus instanceof HTMLElement) focus.focus({ preventScroll: true });
}

/**
 * Takes rows away. If one held the focus, it goes to the row after it, or the one before it, or elsewhere.
 * @param {HTMLElement[]} gone
 * @param {string} control what of a row gets the focus: something that does nothing by itself
 * @param {HTMLElement | null | undefined} otherwise
 */
export function takeAway(gone, control, otherwise) {
  const held = gone.find((row) => row.contains(row.ownerDocument.activeElement));
  const target = held ? (near(held, gone, control) ?? otherwise) : null;
  for (const row of gone) row.remove();
  target?.focus();
}

/**
 * @param {HTMLElement} held
 * @param {HTMLElement[]} gone
 * @param {string} control
 */
function near(held, gone, control) {
  const all = [...(held.parentElement?.children ?? [])];
  const at = all.indexOf(held);
  for (const row of [...all.slice(at + 1), ...all.slice(0, at).reverse()]) {
    const found = gone.some((one) => one === row) ? null : row.querySelector(control);
    if (found instanceof HTMLElement) return found;
  }
  return null;
}
