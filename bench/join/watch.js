// Put into every page before its own scripts: when the person clicked, when the remote picture first had a frame.
// Milliseconds of the wall clock, which both browser processes share.
globalThis.joinMarks = {
  click: 0,
  /** @type {Promise<number> | null} */
  frame: null,
  arm() {
    const wall = () => performance.timeOrigin + performance.now();
    addEventListener("click", (event) => (this.click = performance.timeOrigin + event.timeStamp), { capture: true, once: true });
    this.frame = new Promise((shown) => {
      document.querySelector("#remote-video").requestVideoFrameCallback(() => shown(wall()));
    });
    return wall() - Date.now(); // how far this page's reckoning is from the machine's clock
  },
};
