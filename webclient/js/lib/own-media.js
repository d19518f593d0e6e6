// What this side gives: microphone and camera, muted or not. Every connection of the page sends the same.

export class OwnMedia {
  /** @type {MediaStream | null} */
  #stream = null;
  muted = false;
  cameraOff = false;
  /** @type {"" | "phone" | "hidden"} another app has taken microphone or camera */
  away = "";
  /** The picture is the therapist's screen. */
  sharing = false;
  /** What of themselves the patient is asked to show; "": nothing. */
  guide = "";
  /** Neither side is to send a picture. */
  soundOnly = false;

  /** @param {MediaStream | null} stream null: this side only receives */
  set stream(stream) {
    this.#stream = stream;
  }

  /**
   * The tracks to send, switched on or off as the person wants it.
   * @returns {[MediaStreamTrack | null, MediaStreamTrack | null]} microphone, camera
   */
  tracks() {
    const [audio = null] = this.#stream?.getAudioTracks() ?? [];
    const [video = null] = this.#stream?.getVideoTracks() ?? [];
    if (audio) audio.enabled = !this.muted;
    if (video) video.enabled = !this.cameraOff;
    return [audio, video];
  }

  /** What the others show beside the picture, in the form of `status`. */
  get status() {
    return { muted: this.muted, camera_off: this.cameraOff, away: this.away, sharing: this.sharing, guide: this.guide, sound_only: this.soundOnly };
  }

  /** A page counts as heard and seen until it says otherwise. */
  get plain() {
    return Object.values(this.status).every((value) => !value);
  }
}
