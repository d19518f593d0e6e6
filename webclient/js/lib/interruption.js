// A phone call, or another app, that takes camera and microphone away: on iOS the tracks stay "live" and are dead. It is
// remembered, told to the other side, and repaired when the person is back. No document here: the page says what it sees.

/** @typedef {"" | "phone" | "hidden"} Away */
/** @typedef {{ audio?: number, video?: number }} Produced how much each source has given so far; missing: not known */

/**
 * Where the person is, as far as their page can tell.
 * @param {{ hidden: boolean, microphone: boolean | null, camera: boolean | null }} seen `hidden`: the page is not shown;
 *   `microphone`, `camera`: the system has silenced that track (its `muted`); null: there is none
 * @returns {Away}
 */
export function awayState({ hidden, microphone, camera }) {
  // A microphone alone that falls silent on a page that is shown is a switch of the computer, not a call.
  if (microphone && (hidden || camera !== false)) return "phone";
  return hidden && camera ? "hidden" : "";
}

/**
 * The kinds whose sources have given nothing between two looks.
 * @param {Produced} before
 * @param {Produced} after
 * @returns {("audio" | "video")[]}
 */
export function deadKinds(before, after) {
  return /** @type {const} */ (["audio", "video"]).filter((kind) => {
    const [was, is] = [before[kind], after[kind]];
    return was !== undefined && is !== undefined && is <= was;
  });
}

/**
 * What microphone and camera have given to a connection so far (W3C webrtc-stats, "media-source").
 * @param {Pick<RTCPeerConnection, "getStats"> | null} connection
 * @returns {Promise<Produced>}
 */
export async function produced(connection) {
  /** @type {Produced} */
  const found = {};
  for (const one of (await connection?.getStats())?.values() ?? []) {
    if (one.type !== "media-source") continue;
    const amount = one.kind === "audio" ? one.totalSamplesDuration : one.frames;
    if (typeof amount === "number") found[/** @type {"audio" | "video"} */ (one.kind)] = amount;
  }
  return found;
}
