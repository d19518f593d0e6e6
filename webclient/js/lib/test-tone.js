// The tone that says whether one's loudspeaker works: four soft notes, by the way that a call's sound takes. No document here.

const NOTES = [392, 523.25, 659.25, 523.25];
const NOTE_S = 0.45;
const LOUD = 0.25;

/**
 * Plays it. False: the browser did not let it play.
 * @param {string} speaker id of an output; "": the browser's own
 * @returns {Promise<boolean>}
 */
export async function playTestTone(speaker) {
  if (!("AudioContext" in globalThis)) return false;
  const audio = new AudioContext();
  const player = new Audio();
  try {
    await audio.resume();
    const out = audio.createMediaStreamDestination();
    NOTES.forEach((frequency, index) => note(audio, out, frequency, audio.currentTime + 0.1 + index * NOTE_S));
    player.srcObject = out.stream; // as a call's sound: the same output, the same volume
    if (speaker && "setSinkId" in player) await player.setSinkId(speaker).catch(() => undefined);
    await player.play();
    await new Promise((done) => setTimeout(done, (NOTES.length * NOTE_S + 0.4) * 1000));
    return true;
  } catch (error) {
    console.info("no test tone", error);
    return false;
  } finally {
    player.srcObject = null;
    void audio.close();
  }
}

/**
 * @param {AudioContext} audio
 * @param {AudioNode} out
 * @param {number} frequency
 * @param {number} begin
 */
function note(audio, out, frequency, begin) {
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.frequency.value = frequency;
  volume.gain.setValueAtTime(0, begin);
  volume.gain.linearRampToValueAtTime(LOUD, begin + 0.05);
  volume.gain.exponentialRampToValueAtTime(0.001, begin + NOTE_S);
  tone.connect(volume).connect(out);
  tone.start(begin);
  tone.stop(begin + NOTE_S + 0.05);
}
