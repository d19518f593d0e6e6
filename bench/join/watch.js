// Put into every page before its own scripts: when the person clicked, when the remote picture first had a frame.
// Milliseconds of the wall clock, which both browser processes share.
globalThis.joinMarks = {
  click: 0,
  /** @type {Promise<number> | null} */
  frame: null,
  arm() {
    const wall = () => performance.timeOrigin + performance.now();
    addEventListener("click", (event) => (this.click = performance.timeOrigin + event.timeStamp), { capture: true, once: true });
    const video = document.querySelector("#remote-video");
    this.frame = new Promise((shown) => {
      // a picture that nobody can see yet does not count
      const look = () => (video.checkVisibility() ? shown(wall()) : video.requestVideoFrameCallback(look));
      video.requestVideoFrameCallback(look);
    });
    return wall() - Date.now(); // how far this page's reckoning is from the machine's clock
  },
};
