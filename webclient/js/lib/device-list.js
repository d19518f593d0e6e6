// Which devices there are, and which comes next. Pure: the list comes from enumerateDevices().

/** @typedef {"camera" | "microphone" | "speaker"} DeviceKind */
/** @typedef {Pick<MediaDeviceInfo, "deviceId" | "kind" | "label">} Device */

/** @type {Record<DeviceKind, MediaDeviceKind>} */
const KINDS = { camera: "videoinput", microphone: "audioinput", speaker: "audiooutput" };

/**
 * Those that can be told apart: before a permission browsers list them without an id.
 * @param {readonly Device[]} devices
 * @param {DeviceKind} kind
 */
export function ofKind(devices, kind) {
  return devices.filter((device) => device.kind === KINDS[kind] && device.deviceId !== "");
}

/**
 * What to try when the device in use has gone, best first: the same one if it is still there (it may only have been
 * interrupted), then the one that the person had chosen, then the others as the browser orders them.
 * @param {readonly Device[]} devices
 * @param {DeviceKind} kind
 * @param {string} used id of the one that has gone
 * @param {string} chosen
 * @returns {string[]}
 */
export function successors(devices, kind, used, chosen) {
  const ids = ofKind(devices, kind).map((device) => device.deviceId);
  const first = [used, chosen].filter((id) => ids.includes(id));
  return [...new Set([...first, ...ids])];
}

/**
 * The camera on the other side of a phone: by the side that it says it looks to, else by its name, else the next one.
 * @param {readonly Device[]} devices
 * @param {{ deviceId?: string, facingMode?: string }} used settings of the track in use
 * @returns {{ facingMode: string } | { deviceId: string } | null} null: there is only one
 */
export function otherCamera(devices, used) {
  const cameras = ofKind(devices, "camera");
  if (used.facingMode === "user" || used.facingMode === "environment") {
    return { facingMode: used.facingMode === "user" ? "environment" : "user" };
  }
  if (cameras.length < 2) return null;
  const at = cameras.findIndex((camera) => camera.deviceId === used.deviceId);
  const next = cameras[(at + 1) % cameras.length];
  return next ? { deviceId: next.deviceId } : null;
}

/**
 * Whether it makes sense to offer to turn the camera round: on a touch device with two cameras, or one that says which way it looks.
 * @param {{ touch: boolean, devices: readonly Device[], facingModes: readonly string[] }} known
 */
export function canTurnRound({ touch, devices, facingModes }) {
  return touch && (ofKind(devices, "camera").length > 1 || facingModes.length > 1);
}
