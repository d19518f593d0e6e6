// For `--trace`: what passes the page's WebSocket and what its connection does, with the time of each.
{
  const marks = (globalThis.joinTrace = []);
  const mark = (what) => marks.push([performance.timeOrigin + performance.now(), what]);
  const words = (data) => {
    const message = JSON.parse(data);
    return [message.type ?? Object.keys(message)[0], message.kind ?? message.description?.type, message.state].filter(Boolean).join(" ");
  };
  globalThis.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => mark(`< ${words(data)}`));
    }
    send(data) {
      mark(`> ${words(data)}`);
      super.send(data);
    }
  };
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...args) {
      super(...args);
      mark("connection made");
      this.addEventListener("iceconnectionstatechange", () => mark(`ice ${this.iceConnectionState}`));
      this.addEventListener("connectionstatechange", () => mark(`connection ${this.connectionState}`));
      this.addEventListener("track", ({ track }) => {
        mark(`${track.kind} track`);
        track.addEventListener("unmute", () => mark(`${track.kind} flows`));
      });
    }
    async setLocalDescription(...args) {
      mark("setLocal");
      await super.setLocalDescription(...args);
      mark("setLocal done");
    }
    async setRemoteDescription(...args) {
      mark("setRemote");
      await super.setRemoteDescription(...args);
      mark("setRemote done");
    }
  };
  new PerformanceObserver((list) => {
    for (const frame of list.getEntries()) {
      const scripts = frame.scripts.map((one) => `${one.sourceFunctionName || one.invoker} ${Math.round(one.duration)}`);
      const layout = frame.styleAndLayoutStart ? Math.round(frame.startTime + frame.duration - frame.styleAndLayoutStart) : 0;
      mark(`busy for ${Math.round(frame.duration)} ms (scripts: ${scripts.join(", ") || "none"}; style and layout ${layout})`);
      marks.at(-1)[0] = performance.timeOrigin + frame.startTime;
    }
  }).observe({ type: "long-animation-frame" });
}
