// After sleep the page shows the truth within a second: it does not wait until an old connection is found to be dead.
import { SleepWatch } from "../lib/sleep.js";

/** @typedef {{ state: string, nudge(patience?: number): void, open(): void, close(): void }} AnySocket */

/** How long the server has for its answer after a sleep; then the connection is made anew. */
const PATIENCE_MS = 300;
const HIDDEN_MS = 2_000;

/**
 * @param {AnySocket} socket
 * @param {() => boolean} waits not in a call: that has its own patience
 */
export function wakeAtOnce(socket, waits) {
  const watch = new SleepWatch();
  let hiddenAt = 0;
  const wake = () => {
    if (!waits()) return;
    if (socket.state === "connecting") {
      socket.close(); // begun before the sleep, perhaps in a network that is no longer there
      socket.open();
    } else {
      socket.nudge(PATIENCE_MS);
    }
  };
  setInterval(() => watch.tick() && wake(), 1_000);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (Date.now() - hiddenAt > HIDDEN_MS) wake();
  });
  document.addEventListener("resume", wake); // a page that the browser had frozen
  addEventListener("pageshow", (event) => event.persisted && wake());
}
