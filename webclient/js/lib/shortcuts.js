// Single keys in the call: which one means what, and when a key is meant for something else.

/** @type {Readonly<Record<string, string>>} the key to the data-action of the control that it stands for */
export const SHORTCUTS = { m: "mute", v: "camera", s: "share", p: "pip", o: "more" };

/** The same for the list of who waits. @type {Readonly<Record<string, string>>} */
export const DESK_SHORTCUTS = { n: "admit-next" };

/** Inputs in which no letter is typed. */
const NOT_TYPED = new Set(["button", "checkbox", "radio", "range", "reset", "submit", "color", "file", "image"]);

/**
 * @param {{ key: string, ctrlKey: boolean, altKey: boolean, metaKey: boolean, repeat: boolean, defaultPrevented: boolean }} event
 * @param {{ tagName?: string, type?: string, isContentEditable?: boolean } | null} focus the element that has the focus
 * @param {Readonly<Record<string, string>>} [keys]
 * @returns {string | null} an action, or null: the key is not ours
 */
export function shortcutOf(event, focus, keys = SHORTCUTS) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || event.defaultPrevented || isTyped(focus)) return null;
  return keys[event.key.toLowerCase()] ?? null;
}

/** @param {{ tagName?: string, type?: string, isContentEditable?: boolean } | null} focus */
function isTyped(focus) {
  const tag = focus?.tagName?.toLowerCase();
  if (focus?.isContentEditable || tag === "textarea" || tag === "select") return true;
  return tag === "input" && !NOT_TYPED.has(focus?.type ?? "");
}
