// What a test cannot do to Chromium's fake devices, played before the page's own scripts run: unplugging one, a camera that
// another program holds, a phone call as on iOS (the tracks stay "live", are muted by the system, and give nothing any more,
// also after it: only new ones do). Pages see the same events as with real devices.
(() => {
  const devices = navigator.mediaDevices;
  if (!devices) return;
  const [list, open] = [devices.enumerateDevices.bind(devices), devices.getUserMedia.bind(devices)];
  const gone = new Set();
  const busy = new Set();
  const held = new Set();
  let calling = false;
  const fail = (name) => {
    throw new DOMException(name, name);
  };
  devices.enumerateDevices = async () => (await list()).filter(({ deviceId }) => !gone.has(deviceId));
  devices.getUserMedia = async (wanted) => {
    for (const kind of ["audio", "video"]) if (wanted[kind] && (busy.has(kind) || calling)) fail("NotReadableError");
    const stream = await open(wanted);
    for (const track of stream.getTracks()) {
      held.add(track);
      if (!gone.has(track.getSettings().deviceId)) continue;
      for (const one of stream.getTracks()) one.stop();
      fail("NotFoundError");
    }
    return stream;
  };
  const live = () => [...held].filter((track) => track.readyState === "live");
  let hidden = false;
  Object.defineProperty(document, "hidden", { get: () => hidden });
  const show = (on) => {
    hidden = !on;
    document.dispatchEvent(new Event("visibilitychange"));
  };
  window.rig = {
    /** The device of this id is taken out, or every device is ("all"). */
    async unplug(id) {
      const ids = id === "all" ? (await list()).map(({ deviceId }) => deviceId) : [id];
      for (const one of ids) gone.add(one);
      for (const track of live()) {
        if (!gone.has(track.getSettings().deviceId)) continue;
        track.stop();
        track.dispatchEvent(new Event("ended"));
      }
      devices.dispatchEvent(new Event("devicechange"));
    },
    plugIn() {
      gone.clear();
      devices.dispatchEvent(new Event("devicechange"));
    },
    hold: (kind) => busy.add(kind),
    free: () => busy.clear(),
    used: (kind) => live().findLast((track) => track.kind === kind)?.getSettings().deviceId ?? "",
    phoneRings() {
      calling = true;
      for (const track of live()) {
        Object.defineProperty(track, "muted", { get: () => true });
        // nothing of a dead track goes out: a real one cannot be made dead, but silent and black for good
        track.enabled = false;
        Object.defineProperty(track, "enabled", { get: () => false, set: () => undefined });
        track.dispatchEvent(new Event("mute"));
      }
      show(false);
    },
    hangUp() {
      calling = false;
      show(true);
    },
  };
})();
