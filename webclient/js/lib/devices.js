// Camera and microphone: joining always works, with both, with one, or with neither, and what is missing has a reason
// that a person can act on.
import { settings } from "./call-settings.js";

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
const PICTURE = { width: { ideal: 960 }, height: { ideal: 540 }, frameRate: { ideal: 30, max: 30 } };
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/**
 * @param {"camera" | "microphone"} kind
 * @param {MediaTrackConstraints} which a device or a side; {}: the browser's own choice, of cameras the one that looks at the person
 * @returns {MediaTrackConstraints}
 */
function constraints(kind, which) {
  if (kind === "microphone") return { ...SOUND, ...which };
  // beside an id a wish for a side would count as much as the id
  return { ...PICTURE, ...("deviceId" in which ? {} : { facingMode: "user" }), ...which };
}

/**
 * Opens one device. Never throws.
 * @param {"camera" | "microphone"} kind
 * @param {MediaTrackConstraints} [which]
 * @param {Source | undefined} [source]
 * @returns {Promise<Attempt>}
 */
export async function openOne(kind, which = {}, source = globalThis.navigator?.mediaDevices) {
  if (!source?.getUserMedia) return { stream: null, state: "insecure" };
  const wanted = constraints(kind, which);
  return attempt(source, kind === "camera" ? { video: wanted } : { audio: wanted });
}

/**
 * Opens what can be opened: both, else each alone. Never throws.
 * @param {{ camera?: boolean, microphone?: boolean }} [wanted]
 * @param {Source | undefined} [source] navigator.mediaDevices, undefined where the browser withholds it
 * @param {{ camera: string, microphone: string }} [chosen] ids of the devices that the person has picked, "": none; one that
 *   has gone is no hindrance
 * @returns {Promise<Devices>}
 */
export async function openDevices({ camera = true, microphone = true } = {}, source = globalThis.navigator?.mediaDevices, chosen = settings.values) {
  if (!source?.getUserMedia) {
    return { stream: null, camera: camera ? "insecure" : "off", microphone: microphone ? "insecure" : "off" };
  }
  if (camera && microphone) {
    // exact: a mere wish for a device loses against a size that another one has
    const both = await attempt(source, { video: constraints("camera", exactly(chosen.camera)), audio: constraints("microphone", exactly(chosen.microphone)) });
    if (both.stream) return { stream: both.stream, camera: "on", microphone: "on" };
  }
  // One at a time from here: a camera that another program holds must not take the sound away. The microphone first,
  // for a visit can be done by voice.
  const sound = microphone ? await openOneOf("microphone", chosen.microphone, source) : OFF;
  const picture = camera ? await openOneOf("camera", chosen.camera, source) : OFF;
  const tracks = [...(sound.stream?.getTracks() ?? []), ...(picture.stream?.getTracks() ?? [])];
  return {
    stream: tracks.length > 0 ? merge(sound.stream, picture.stream) : null,
    camera: picture.state,
    microphone: sound.state,
  };
}

/** @param {string} id @returns {MediaTrackConstraints} */
function exactly(id) {
  return id ? { deviceId: { exact: id } } : {};
}

/**
 * The one that was chosen, or, where it has gone, the browser's own choice.
 * @param {"camera" | "microphone"} kind
 * @param {string} id "": none was chosen
 * @param {Source | undefined} source
 */
export async function openOneOf(kind, id, source) {
  const first = await openOne(kind, exactly(id), source);
  return id && first.state === "missing" ? openOne(kind, {}, source) : first;
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
