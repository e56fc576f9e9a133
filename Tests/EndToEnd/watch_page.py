"""The watch page in a browser, asked what a person would see and hear."""
from waiting import wait_until

VIDEO = "(document.querySelector('video') ?? document.querySelector('m-player')?.shadowRoot?.querySelector('video'))"

LISTEN = """
(async () => {
  const video = VIDEO;
  if (!video) return -1;
  const peakOf = (samples) => samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
  if (video.mozCaptureStream) {
    // Firefox gives an AudioContext no clock where the machine has no sound device: record and decode instead.
    const sound = new MediaStream(video.mozCaptureStream().getAudioTracks());
    const recorder = new MediaRecorder(sound);
    const pieces = [];
    recorder.ondataavailable = (event) => pieces.push(event.data);
    const stopped = new Promise((done) => { recorder.onstop = done; });
    recorder.start();
    await new Promise((done) => setTimeout(done, 800));
    recorder.stop();
    await stopped;
    const bytes = await new Blob(pieces).arrayBuffer();
    const decoded = await new OfflineAudioContext(1, 48000, 48000).decodeAudioData(bytes);
    return peakOf(decoded.getChannelData(0));
  }
  if (window.__listener?.of !== (video.srcObject ?? video)) {
    // An element that shows a connection's stream gives no sound of its own to listen to: the stream does.
    const context = window.__listener?.context ?? new AudioContext();
    const analyser = context.createAnalyser();
    if (video.srcObject) context.createMediaStreamSource(video.srcObject).connect(analyser);
    else {
      window.__element ??= context.createMediaElementSource(video);
      window.__element.connect(analyser);
      analyser.connect(context.destination);
    }
    window.__listener = { context, analyser, of: video.srcObject ?? video };
  }
  const { context, analyser } = window.__listener;
  await context.resume();
  const samples = new Float32Array(analyser.fftSize);
  let peak = 0;
  for (let look = 0; look < 20; look += 1) {
    await new Promise((done) => setTimeout(done, 25));
    analyser.getFloatTimeDomainData(samples);
    peak = Math.max(peak, peakOf(samples));
  }
  return peak;
})()
""".replace("VIDEO", VIDEO)

TONE = """
(async () => {
  await LISTEN;
  const { context, analyser } = window.__listener;
  analyser.fftSize = 8192;
  await new Promise((done) => setTimeout(done, 400));
  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  return levels.indexOf(Math.max(...levels)) * context.sampleRate / analyser.fftSize;
})()
""".replace("LISTEN", LISTEN)

PICTURE = """
(() => {
  const video = VIDEO;
  if (!video || !video.videoWidth) return null;
  const canvas = document.createElement('canvas');
  canvas.width = 160; canvas.height = 90;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(video, 0, 0, 160, 90);
  const pixels = context.getImageData(0, 0, 160, 90).data;
  let hash = 0; let sum = 0;
  for (let index = 0; index < pixels.length; index += 4) {
    hash = (Math.imul(hash, 31) + pixels[index] + pixels[index + 1] * 3 + pixels[index + 2] * 7) | 0;
    sum += pixels[index];
  }
  return { hash, mean: sum / (pixels.length / 4), width: video.videoWidth, height: video.videoHeight,
           time: video.currentTime, frames: video.getVideoPlaybackQuality().totalVideoFrames };
})()
""".replace("VIDEO", VIDEO)


class WatchPage:
    """One open watch page; `marker` proves later that it was never reloaded."""

    def __init__(self, browser, url, width=1280, height=800, **options):
        self.browser = browser
        browser.open(url, width, height, **options)
        browser.evaluate("(window.__marker = 'never reloaded')")

    def snapshot(self):
        """What the player says of itself (`window.martlet.player.snapshot()`)."""
        return self.browser.evaluate("window.martlet?.player?.snapshot() ?? null")

    def picture(self):
        return self.browser.evaluate(PICTURE)

    def sound_level(self):
        """The loudest sample heard in half a second, of full scale 1."""
        return self.browser.evaluate(LISTEN)

    def tone(self):
        """The loudest frequency, in Hz; Chromium only, for Firefox gives no clock without a sound device."""
        return self.browser.evaluate(TONE)

    def was_never_reloaded(self):
        return self.browser.evaluate("window.__marker ?? null") == "never reloaded"

    def wait_for_mode(self, *modes, timeout=20):
        return wait_until(
            f"{self.browser.name} shows {' or '.join(modes)}",
            lambda: (state := self.snapshot()) and state["mode"] in modes and state,
            timeout,
        )

    def wait_for_moving_picture(self, frames=15, timeout=20):
        """Waits until at least `frames` more pictures were decoded and the screen shows another one."""
        first = wait_until(f"{self.browser.name} shows a picture", self.picture, timeout)

        def moved():
            now = self.picture()
            return now and now["hash"] != first["hash"] and now["frames"] >= first["frames"] + frames and now

        return wait_until(f"{self.browser.name} shows moving pictures", moved, timeout)
