// What to do about a device that does not start, in this browser's words. The words are macros/device_help.html.
import { browserFamily } from "../lib/browser.js";

/**
 * @param {string} reason a DeviceState
 * @returns {string} "" where there is nothing to say
 */
export function deviceHelp(reason) {
  const family = browserFamily(navigator.userAgent, navigator.maxTouchPoints);
  const words = (/** @type {string} */ which) => document.querySelector(`template[data-device-help="${reason}"]${which}`);
  const template = words(`[data-browser="${family}"]`) ?? words(":not([data-browser])");
  return template instanceof HTMLTemplateElement ? (template.content.textContent ?? "").trim() : "";
}
