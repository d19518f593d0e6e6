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
