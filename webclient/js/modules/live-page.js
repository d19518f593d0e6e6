/**
 * The call's view is laid out while the browsers connect and the page has nothing to do for it: the patient's when its
 * answer is out, the therapist's when it has the answer, or this long after the call has begun. No message waits for a
 * layout.
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
