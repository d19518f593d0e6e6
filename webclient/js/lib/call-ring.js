// "Your therapist is here": how long it rings. Pure.

export const RING_MS = 4000;
/** On a page that somebody may be looking at. In the background it rings until it is shown. */
export const MOST_MS = 30_000;

/**
 * Whether it goes on ringing.
 * @param {{ sinceMs: number, hidden: boolean, heard: boolean }} now `heard`: the therapist's sound plays
 */
export function ringsOn({ sinceMs, hidden, heard }) {
  return hidden || (!heard && sinceMs < MOST_MS);
}
