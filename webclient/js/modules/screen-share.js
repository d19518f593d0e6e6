// The therapist shows a screen. It takes the camera's place in the same sender (replaceTrack): nothing is negotiated, so
// sharing can never break a call that runs. The price: the patient sees the screen or the face, not both.

import { keepFocus } from "./call-focus.js";

/** @typedef {import("./call-view.js").CallView} CallView */

/** Text and pictures; a film is no part of a visit. */
const SCREEN = { video: { frameRate: { ideal: 10, max: 15 } }, audio: false };

export class ScreenShare {
  /** @type {MediaStreamTrack | null} */
  track = null;
  /** Grows when an answer to the browser's question would come too late: the call is over, or it was asked again. */
  #turn = 0;

  /** @param {CallView} view */
  constructor(view) {
    this.view = view;
    const possible = typeof navigator.mediaDevices?.getDisplayMedia === "function"; // phones have none
    for (const part of view.element.querySelectorAll("[data-share-part]")) part.toggleAttribute("hidden", !possible);
    view.element.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("[data-action]") : null;
      const action = button instanceof HTMLElement ? button.dataset.action : "";
      if (action === "share") void this.toggle();
      else if (action === "stop-share") this.stop();
    });
    this.render();
  }

  async toggle() {
    if (this.track) return this.stop();
    const mine = ++this.#turn;
    try {
      const [track] = (await navigator.mediaDevices.getDisplayMedia(SCREEN)).getVideoTracks();
      if (mine !== this.#turn) return track?.stop();
      if (!track) return;
      track.contentHint = "detail"; // sharp letters before smooth movement
      track.addEventListener("ended", () => track === this.track && this.stop()); // the browser's own "stop sharing"
      this.track = track;
      this.changed();
    } catch (error) {
      // closed by the person, or not allowed by the system: the browser does not say which
      console.info("no screen", error);
      if (mine !== this.#turn) return;
      this.view.clock.notice("problem", this.view.element.querySelector("[data-share-line]")?.getAttribute("data-text-none") ?? "");
    }
  }

  stop() {
    this.#turn++;
    if (!this.track) return;
    this.track.stop();
    this.track = null;
    this.changed();
  }

  changed() {
    this.view.call.tell({ sharing: this.track !== null });
    this.view.outgoing();
    this.render();
  }

  render() {
    this.view.element.dataset.sharing = this.track ? "own" : "";
    const line = this.view.element.querySelector("[data-share-line]");
    const inside = line?.contains(document.activeElement);
    line?.toggleAttribute("hidden", !this.track);
    if (inside && !this.track) keepFocus(this.view);
    this.view.side("share", this.track === null);
  }
}
