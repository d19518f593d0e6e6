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

  /** Listens from now on, and remembers the longest silence; see `silence`. */
  hearken(selector) {
    const video = document.querySelector(selector);
    const context = new AudioContext({ sampleRate: 48000 });
    const analyser = new AnalyserNode(context, { fftSize: 32768 }); // the last 683 ms
    context.createMediaStreamSource(video.srcObject).connect(analyser);
    const heard = (video.hearkened = { longest: 0, quiet: 0, unheard: 0 });
    const wave = new Float32Array(analyser.fftSize);
    let last = context.currentTime;
    const block = context.sampleRate / 100;
    const listen = () => {
      const fresh = Math.floor((context.currentTime - last) * 100); // blocks of 10 ms since the last time
      last += fresh / 100;
      analyser.getFloatTimeDomainData(wave);
      const known = Math.min(fresh, Math.floor(wave.length / block));
      heard.unheard = Math.max(heard.unheard, (fresh - known) / 100);
      for (let at = wave.length - known * block; at < wave.length; at += block) {
        const loud = wave.subarray(at, at + block).some((sample) => Math.abs(sample) > 0.01);
        heard.quiet = loud ? 0 : heard.quiet + 0.01;
        heard.longest = Math.max(heard.longest, heard.quiet);
      }
      if (video.hearkened === heard) setTimeout(listen, 100);
    };
    setTimeout(listen, 100);
  },

  /** {longest, unheard}: s since `hearken`; unheard: the longest time that the page itself was too busy to listen to. */
  silence(selector) {
    const heard = document.querySelector(selector)?.hearkened;
    return heard ? { longest: heard.longest, unheard: heard.unheard } : null;
  },

  /** {frames, gap, stall}: since `watch`; ms, the present pause included. null when the element is another one. */
  watched(selector) {
    const seen = document.querySelector(selector)?.watched;
    const now = performance.now();
    return seen ? { frames: seen.frames, gap: Math.max(seen.gap, now - seen.last), stall: seen.stall } : null;
  },
});
