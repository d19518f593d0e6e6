// What a person has chosen for their calls; this tab keeps it over a reload.
import { TabMemory } from "./page.js";

/**
 * @typedef {object} CallSettings
 * @property {string} camera device id; "": the browser's own choice
 * @property {string} microphone
 * @property {string} speaker
 * @property {boolean} gentle the connection check suggests to begin with a smaller picture
 * @property {boolean} mirror one's own picture as in a mirror; the other side never sees it so
 * @property {boolean} shortcuts single keys do something (WCAG 2.1.4: they can be switched off)
 */

/** @type {CallSettings} */
const INITIAL = { camera: "", microphone: "", speaker: "", gentle: false, mirror: true, shortcuts: true };

/** @param {Pick<Storage, "getItem" | "setItem">} [storage] */
export function callSettings(storage) {
  return new TabMemory("call settings", INITIAL, storage);
}

/** The page's own. */
export const settings = callSettings();
