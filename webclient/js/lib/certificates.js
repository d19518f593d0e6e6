// Which certificates a peer connection really uses. SDP is never read: it came through the server.
import { fingerprintOf, sameBytes } from "./safety.js";

/** @typedef {import("./safety.js").Fingerprints} Fingerprints */

/**
 * SHA-256 of both sides' certificates; null where the browser does not say (Firefox), or where there is more than one pair of
 * them: one call is one DTLS connection.
 * @param {RTCPeerConnection} pc connected
 * @returns {Promise<Fingerprints | null>}
 */
export async function readFingerprints(pc) {
  if (!globalThis.crypto?.subtle) return null; // a page without HTTPS
  const own = await inStatistics(pc, "localCertificateId");
  const theirs = await theirFingerprint(pc);
  return own && theirs && { own, theirs };
}

/**
 * The other side's alone. From the transport, for statistics cost every thread of the call some milliseconds; but Chromium's
 * transport says nothing any more once a peer has closed it and another has taken its place.
 * @param {RTCPeerConnection} pc
 * @returns {Promise<Uint8Array | null>}
 */
export async function theirFingerprint(pc) {
  if (!globalThis.crypto?.subtle) return null;
  const ends = [...pc.getSenders(), ...pc.getReceivers()];
  const transports = new Set([...ends.map(({ transport }) => transport), pc.sctp?.transport ?? null]);
  const leaves = [...transports].flatMap((transport) => (transport ? [transport.getRemoteCertificates?.()[0]] : []));
  return (await theOne(leaves)) ?? inStatistics(pc, "remoteCertificateId");
}

/**
 * @param {RTCPeerConnection} pc
 * @param {"localCertificateId" | "remoteCertificateId"} whose
 */
async function inStatistics(pc, whose) {
  const stats = await pc.getStats();
  const transports = [...stats.values()].filter(({ type }) => type === "transport");
  return theOne(transports.map((transport) => fromBase64(stats.get(transport[whose] ?? "")?.base64Certificate)));
}

/**
 * @param {(BufferSource | undefined)[]} certificates DER
 * @returns {Promise<Uint8Array | null>} their fingerprint, if they are all the same one
 */
async function theOne(certificates) {
  const all = await Promise.all(certificates.map((der) => (der ? fingerprintOf(der) : null)));
  const [first] = all;
  return first && all.every((other) => sameBytes(first, other)) ? first : null;
}

/** @param {string | undefined} text */
function fromBase64(text) {
  return text ? Uint8Array.from(atob(text), (character) => character.charCodeAt(0)) : undefined;
}
