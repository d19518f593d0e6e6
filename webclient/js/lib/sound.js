// The two sounds of the page: the level of a microphone, and one gentle tone. No document here.

/** @type {AudioContext | null} */
let shared = null;

/** One context for the page; null where the browser has none. */
function context() {
  if (!shared && "AudioContext" in globalThis) shared = new AudioContext();
  return shared;
}

/** Who needs the context now. A context that runs for nobody costs a twentieth of a processor, also in the call. */
let users = 0;
/** It ran once, so this browser lets it run again. */
let unlocked = false;

/** @param {AudioContext} audio */
async function use(audio) {
  users += 1;
  await audio.resume();
  unlocked = true;
}

/** @param {AudioContext} audio */
function release(audio) {
  users -= 1;
  if (users === 0) void audio.suspend();
}

/** Lets sound play later: browsers want a person's click first. Call it from one. Resolves once it is allowed. */
export async function unlockSound() {
  const audio = context();
  if (!audio || unlocked) return;
  await use(audio);
  release(audio);
}

/** What browsers may take for a person's press. A finger's "pointerdown" is none, and one kind alone is not enough. */
const PRESSES = ["click", "pointerup", "keydown"];

/**
 * Lets sound play from the first press on that the browser accepts, whatever it is for.
 * @param {EventTarget} target
 * @param {() => void} [then] when it is allowed
 * @param {{ unlock: () => Promise<void>, allowed: () => boolean }} [sound]
 */
export function unlockByPress(target, then = () => {}, { unlock, allowed } = { unlock: unlockSound, allowed: soundAllowed }) {
  const done = () => {
    if (!allowed()) return;
    for (const kind of PRESSES) target.removeEventListener(kind, pressed);
    then();
  };
  const pressed = () => void unlock().then(done);
  for (const kind of PRESSES) target.addEventListener(kind, pressed);
}

/** Whether this browser plays our sounds already. */
export function soundAllowed() {
  return unlocked;
}

/**
 * Reports how loud a stream is, 0 to 1, ten times a second. Returns what stops it.
 * @param {MediaStream} stream
 * @param {(level: number) => void} report
 * @returns {() => void}
 */
export function watchLevel(stream, report) {
  const audio = context();
  if (!audio || stream.getAudioTracks().length === 0) return () => {};
  const source = audio.createMediaStreamSource(stream);
  const analyser = audio.createAnalyser();
  analyser.fftSize = 1024;
  source.connect(analyser);
  void use(audio);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    report(loudness(samples));
  }, 100);
  return () => {
    clearInterval(timer);
    source.disconnect();
    release(audio);
  };
}

/**
 * Samples (-1 to 1) as a level that follows the ear: 0 at -60 dB and below, 1 at -10 dB.
 * @param {ArrayLike<number>} samples
 */
export function loudness(samples) {
  let sum = 0;
  for (let i = 0; i < samples.length; i += 1) sum += (samples[i] ?? 0) ** 2;
  const decibels = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.min(1, Math.max(0, (decibels + 60) / 50));
}

/** Two soft notes, half a second. Silent where the browser does not allow it yet. */
export function playTone() {
  const audio = context();
  if (!audio || !unlocked) return;
  void use(audio).then(() => {
    notes(audio);
    setTimeout(() => release(audio), 1000);
  });
}

/** @param {AudioContext} audio */
function notes(audio) {
  [523.25, 659.25].forEach((frequency, index) => {
    const begin = audio.currentTime + index * 0.22;
    const note = audio.createOscillator();
    const volume = audio.createGain();
    note.frequency.value = frequency;
    volume.gain.setValueAtTime(0, begin);
    volume.gain.linearRampToValueAtTime(0.12, begin + 0.04);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + 0.45);
    note.connect(volume).connect(audio.destination);
    note.start(begin);
    note.stop(begin + 0.5);
  });
}
