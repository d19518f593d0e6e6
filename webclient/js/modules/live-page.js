/**
 * A view is laid out when the call is connected, or this long after it has begun: offer, answer and the browsers' checks
 * wait for no layout, and the page is drawn while the first picture is on its way.
 */
export const SIGNALS_MS = 250;

/**
 * Sends a form as the browser would, and stays on the page. True when the server took it (its answer is a redirect).
 * @param {string} url
 * @param {URLSearchParams} body
 */
export async function posted(url, body) {
  try {
    const answer = await fetch(url, { method: "POST", body, redirect: "manual", headers: { Accept: "text/html" } });
    return answer.ok || answer.type === "opaqueredirect";
  } catch {
    return false;
  }
}

/**
 * Tells the socket when the browser is online again or the page is shown, so that it does not wait for a timer.
 * @param {{ nudge(): void }} socket
 */
export function keepAwake(socket) {
  addEventListener("online", () => socket.nudge());
  addEventListener("pageshow", (event) => event.persisted && socket.nudge());
  document.addEventListener("visibilitychange", () => document.hidden || socket.nudge());
}
