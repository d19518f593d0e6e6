// What a person would see and hear, measured in the page. Each function takes the selector of a <video> or <audio>.
// Loaded by tests/rig/browsers.py as an object of functions; nothing here is part of the product.
({
  /** Average colour of the picture: [red, green, blue], 0-255; null while there is no picture. */
  pixel(selector) {
    const video = document.querySelector(selector);
    if (!video || !video.videoWidth || video.readyState < 2) return null;
    const canvas = new OffscreenCanvas(16, 16);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(video, 0, 0, 16, 16);
    const { data } = context.getImageData(0, 0, 16, 16);
    const sum = [0, 0, 0];
    for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) sum[c] += data[i + c];
    return sum.map((value) => Math.round(value / (data.length / 4)));
  },

  /** Loudness (RMS, 0-1) and the strongest frequency (Hz) of the element's stream; null without sound tracks. */
  async sound(selector) {
    const element = document.querySelector(selector);
    const tracks = element?.srcObject?.getAudioTracks() ?? [];
    if (!tracks.length) return null;
    const context = new AudioContext();
    try {
      await context.resume();
      const analyser = context.createAnalyser();
      analyser.fftSize = 16384;
      analyser.smoothingTimeConstant = 0;
      context.createMediaStreamSource(new MediaStream(tracks)).connect(analyser);
      await new Promise((done) => setTimeout(done, 450)); // the window is 16384 samples: 341 ms at 48 kHz
      const wave = new Float32Array(analyser.fftSize);
      analyser.getFloatTimeDomainData(wave);
      const level = Math.sqrt(wave.reduce((sum, x) => sum + x * x, 0) / wave.length);
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      let best = 1;
      for (let i = 1; i < bins.length; i++) if (bins[i] > bins[best]) best = i;
      return { level, frequency: (best * context.sampleRate) / analyser.fftSize };
    } finally {
      await context.close();
    }
  },

  /**
   * Counts the frames shown from now on, and remembers the longest pause between two; see `watched`. Beside it, the longest
   * time for which the page itself did not get to run: a busy machine is no interrupted picture.
   */
  watch(selector) {
    const video = document.querySelector(selector);
    const seen = (video.watched = { frames: 0, gap: 0, last: performance.now(), stall: 0, beat: performance.now() });
    const next = (now) => {
      if (video.watched !== seen) return;
      seen.frames += 1;
      seen.gap = Math.max(seen.gap, now - seen.last);
      seen.last = now;
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
    const beat = () => {
      const now = performance.now();
      seen.stall = Math.max(seen.stall, now - seen.beat);
      seen.beat = now;
      if (video.watched === seen) setTimeout(beat, 20);
    };
    beat();
  },

  /** {frames, gap, stall}: since `watch`; ms, the present pause included. null when the element is another one. */
  watched(selector) {
    const seen = document.querySelector(selector)?.watched;
    const now = performance.now();
    return seen ? { frames: seen.frames, gap: Math.max(seen.gap, now - seen.last), stall: seen.stall } : null;
  },
});
