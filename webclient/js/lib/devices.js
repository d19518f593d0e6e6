// Camera and microphone: joining always works, with both, with one, or with neither, and what is missing has a reason
// that a person can act on.

/**
 * Why there is no track of a kind. "off": not asked for. "denied": the person or the browser said no. "missing": no such
 * device. "busy": another program holds it. "insecure": the page has no right to ask (plain HTTP, an in-app browser).
 * "failed": anything else.
 * @typedef {"on" | "off" | "denied" | "missing" | "busy" | "insecure" | "failed"} DeviceState
 */

/**
 * @typedef {object} Devices
 * @property {MediaStream | null} stream with the tracks that could be had; null: none
 * @property {DeviceState} camera
 * @property {DeviceState} microphone
 */

/** The part of navigator.mediaDevices that is used here. @typedef {Pick<MediaDevices, "getUserMedia">} Source */

/** A face and an upper body at arm's length; more costs the patient's uplink and shows a therapist no more. */
const VIDEO = { width: { ideal: 960 }, height: { ideal: 540 }, frameRate: { ideal: 30, max: 30 }, facingMode: "user" };
const AUDIO = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/**
 * Opens what can be opened: both, else each alone. Never throws.
 * @param {{ camera?: boolean, microphone?: boolean }} [wanted]
 * @param {Source | undefined} [source] navigator.mediaDevices, undefined where the browser withholds it
 * @returns {Promise<Devices>}
 */
export async function openDevices({ camera = true, microphone = true } = {}, source = globalThis.navigator?.mediaDevices) {
  if (!source?.getUserMedia) {
    return { stream: null, camera: camera ? "insecure" : "off", microphone: microphone ? "insecure" : "off" };
  }
  if (camera && microphone) {
    const both = await attempt(source, { video: VIDEO, audio: AUDIO });
    if (both.stream) return { stream: both.stream, camera: "on", microphone: "on" };
  }
  // One at a time from here: a camera that another program holds must not take the sound away. The microphone first,
  // for a visit can be done by voice.
  const sound = microphone ? await attempt(source, { audio: AUDIO }) : OFF;
  const picture = camera ? await attempt(source, { video: VIDEO }) : OFF;
  const tracks = [...(sound.stream?.getTracks() ?? []), ...(picture.stream?.getTracks() ?? [])];
  return {
    stream: tracks.length > 0 ? merge(sound.stream, picture.stream) : null,
    camera: picture.state,
    microphone: sound.state,
  };
}

/**
 * The reason behind an error of getUserMedia (names: W3C Media Capture and Streams §10.2.1; the second name of each
 * pair is an older browser's).
 * @param {unknown} error
 * @returns {DeviceState}
 */
export function reasonOf(error) {
  const name = error instanceof Error || (typeof error === "object" && error && "name" in error) ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
      return "denied";
    case "NotFoundError":
    case "DevicesNotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "busy";
    case "SecurityError":
      return "insecure";
    default:
      return "failed";
  }
}

/** Stops every track, so that the camera's light goes out. @param {MediaStream | null} stream */
export function closeDevices(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/**
 * Whether the browser will open both without asking the person. False where it cannot be known.
 * @param {Pick<Permissions, "query"> | undefined} [permissions]
 */
export async function alreadyAllowed(permissions = globalThis.navigator?.permissions) {
  try {
    const states = await Promise.all(
      ["camera", "microphone"].map((name) => permissions?.query({ name: /** @type {PermissionName} */ (name) })),
    );
    return states.every((status) => status?.state === "granted");
  } catch {
    return false; // a browser that does not know these names
  }
}

/** @typedef {{ stream: MediaStream | null, state: DeviceState }} Attempt */

/** @type {Attempt} */
const OFF = { stream: null, state: "off" };

/**
 * @param {Source} source
 * @param {MediaStreamConstraints} constraints
 * @returns {Promise<Attempt>}
 */
async function attempt(source, constraints) {
  try {
    return { stream: await source.getUserMedia(constraints), state: "on" };
  } catch (error) {
    return { stream: null, state: reasonOf(error) };
  }
}

/**
 * One stream of both, for a page attaches one to a video element.
 * @param {MediaStream | null} first
 * @param {MediaStream | null} second
 */
function merge(first, second) {
  if (!first || !second) return first ?? second;
  for (const track of second.getTracks()) first.addTrack(track);
  return first;
}
