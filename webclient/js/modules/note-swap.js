// Puts another page of the note (the form, the review, the signed note) where one was. The page itself stays: beside
// the note a call is running.

import { startModules } from "../start.js";

/**
 * @param {HTMLElement} element the form or section that goes
 * @param {string} html what the server made
 */
export async function swapNote(element, html) {
  const place = element.parentElement;
  if (!place) return;
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const nodes = [...fresh.body.childNodes].map((node) => document.importNode(node, true));
  element.replaceWith(...nodes);
  await startModules(place);
  const summary = place.querySelector(".error-summary");
  const heading = place.querySelector("h2[tabindex]");
  const first = summary ?? heading;
  if (first instanceof HTMLElement) {
    first.scrollIntoView({ block: "start" });
    first.focus({ preventScroll: true });
  }
}

/**
 * Sends a form for another page of the note. Rejects without a network and on an answer that is no page of it.
 * @param {string} url
 * @param {URLSearchParams} data
 * @returns {Promise<{ status: number, html?: string, error?: string }>}
 */
export async function post(url, data) {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      Accept: "application/json",
      "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
      "X-CSRF-Token": data.get("csrf") ?? "",
    },
    body: data.toString(),
    credentials: "same-origin",
    redirect: "manual",
  });
  if (response.type === "opaqueredirect") return { status: 401 };
  const answer = /** @type {{ html?: string, error?: string }} */ (await response.json());
  return { status: response.status, ...answer };
}

/**
 * What a browser would send, without files.
 * @param {HTMLFormElement} form
 */
export function dataOf(form) {
  const data = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") data.append(name, value);
  return data;
}
