/**
 * The call's view is laid out once the browsers are connected, while the first pictures are made, or this long after the
 * call has begun. No message waits for a layout.
 */
export const SIGNALS_MS = 250;

/** After the first picture: the other side's comes about now too. Then follows what need not come before it. */
export const AFTER_PICTURE_MS = 250;
const PREVIEW_ENDS_MS = 2000;
/** @type {WeakMap<HTMLVideoElement, ReturnType<typeof setTimeout>>} */
const ending = new WeakMap();

/**
 * The person's own picture outside of the call. Its end is not urgent: to take a camera from a player costs what the first
 * pictures of the call need.
 * @param {HTMLVideoElement} video
 * @param {MediaStream | null} stream null: no longer shown
 */
export function showPreview(video, stream) {
  clearTimeout(ending.get(video));
  if (stream) video.srcObject = stream;
  else ending.set(video, setTimeout(() => (video.srcObject = null), PREVIEW_ENDS_MS));
}

/**
 * Sends a form as the browser would, and stays on the page. "taken": the server took it (its answer is a redirect);
 * "lost": it was not reached.
 * @param {string} url
 * @param {URLSearchParams} body
 * @returns {Promise<"taken" | "refused" | "lost">}
 */
export async function sent(url, body) {
  try {
    const answer = await fetch(url, { method: "POST", body, redirect: "manual", headers: { Accept: "text/html" } });
    return answer.ok || answer.type === "opaqueredirect" ? "taken" : "refused";
  } catch {
    return "lost";
  }
}

/**
 * As :func:`sent`, for who does the same after both failures.
 * @param {string} url
 * @param {URLSearchParams} body
 */
export async function posted(url, body) {
  return (await sent(url, body)) === "taken";
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
