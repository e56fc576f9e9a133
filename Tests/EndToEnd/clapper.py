"""Pictures and sound that tell the wall clock at which they were captured, as a film's clapper does.

Every picture shows the clock in milliseconds, as bits in its first row; the first tenth of every second of the clock is
a tone. `publish` sends both by RTMP, `BROWSER` is a camera and a microphone for a page, and `Claps` reads them.

usage: clapper.py URL SECONDS
"""
import fractions
import sys
import time

import numpy

BITS = 24
CELL = 16
WIDTH, HEIGHT, RATE = 640, 360, 30
SOUND_RATE, FRAME_SAMPLES = 48000, 1024
TONE_HERTZ, TONE_SECONDS, TONE_LEVEL = 1000, 0.1, 0.5

# Run before a page's own scripts: its camera and microphone are the clapper, and its publisher tells times of capture.
BROWSER = """
navigator.mediaDevices.getUserMedia = async () => {
  const canvas = Object.assign(document.createElement("canvas"), {width: WIDTH, height: HEIGHT});
  const context = canvas.getContext("2d");
  const draw = () => {
    const clock = Date.now() % 2 ** BITS;
    context.fillStyle = "#606060";
    context.fillRect(0, 0, WIDTH, HEIGHT);
    for (let bit = 0; bit < BITS; bit += 1) {
      context.fillStyle = Math.floor(clock / 2 ** bit) % 2 ? "#fff" : "#000";
      context.fillRect(bit * CELL, 0, CELL, CELL);
    }
    requestAnimationFrame(draw);
  };
  draw();
  const media = canvas.captureStream(RATE);
  const audio = new AudioContext({sampleRate: SOUND_RATE});
  const tone = new OscillatorNode(audio, {frequency: TONE_HERTZ}), level = new GainNode(audio, {gain: 0});
  const microphone = new MediaStreamAudioDestinationNode(audio);
  tone.connect(level).connect(microphone);
  tone.start();
  let next = Math.ceil(Date.now() / 1000) + 1;
  setInterval(() => {
    if (next * 1000 - Date.now() > 400) return;
    const at = audio.currentTime + next - Date.now() / 1000;
    level.gain.setValueAtTime(TONE_LEVEL, at);
    level.gain.setValueAtTime(0, at + TONE_SECONDS);
    next += 1;
  }, 100);
  for (const track of microphone.stream.getAudioTracks()) media.addTrack(track);
  return media;
};
const addTransceiver = RTCPeerConnection.prototype.addTransceiver;
RTCPeerConnection.prototype.addTransceiver = function (...given) {
  const transceiver = addTransceiver.apply(this, given);
  transceiver.setHeaderExtensionsToNegotiate(transceiver.getHeaderExtensionsToNegotiate().map((one) =>
    one.uri.endsWith("/abs-capture-time") ? {...one, direction: transceiver.direction} : one));
  return transceiver;
};
"""
for name in ("WIDTH", "HEIGHT", "BITS", "CELL", "SOUND_RATE", "TONE_HERTZ", "TONE_LEVEL", "TONE_SECONDS", "RATE"):
    BROWSER = BROWSER.replace(name, str(globals()[name]))


def picture(milliseconds):
    """A grey picture that shows a clock."""
    luma = numpy.full((HEIGHT, WIDTH), 96, numpy.uint8)
    for bit in range(BITS):
        luma[:CELL, bit * CELL:(bit + 1) * CELL] = 235 if milliseconds >> bit & 1 else 16
    return numpy.concatenate([luma.ravel(), numpy.full(WIDTH * HEIGHT // 2, 128, numpy.uint8)]).reshape(HEIGHT * 3 // 2, WIDTH)


def sound(clock, count):
    """So many samples of one channel, the first of which is captured at `clock`, in Unix seconds."""
    times = clock + numpy.arange(count) / SOUND_RATE
    return (TONE_LEVEL * numpy.sin(2 * numpy.pi * TONE_HERTZ * times) * (times % 1 < TONE_SECONDS)).astype(numpy.float32)


def publish(url, seconds):
    """Publishes by RTMP; whatever is captured goes out as soon as it is whole."""
    import av

    with av.open(url, "w", format="flv", options={"flush_packets": "1"}) as output:
        video = output.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "tune": "zerolatency"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.gop_size = 2 * RATE
        video.codec_context.time_base = fractions.Fraction(1, RATE)
        audio = output.add_stream("aac", rate=SOUND_RATE)
        audio.layout = "mono"
        output.start_encoding()
        began, samples = time.time(), 0
        for number in range(round(seconds * RATE)):
            time.sleep(max(0, began + number / RATE - time.time()))
            frame = av.VideoFrame.from_ndarray(picture(int(time.time() * 1000) % 2**BITS), format="yuv420p")
            frame.pts = number
            for packet in video.encode(frame):
                output.mux(packet)
            while began + (samples + FRAME_SAMPLES) / SOUND_RATE <= time.time():
                heard = sound(began + samples / SOUND_RATE, FRAME_SAMPLES).reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(heard, format="fltp", layout="mono")
                frame.sample_rate, frame.pts = SOUND_RATE, samples
                samples += FRAME_SAMPLES
                for packet in audio.encode(frame):
                    output.mux(packet)


class Claps:
    """What a receiver has decoded: clocks of pictures and beginnings of tones, by the RTP time of either."""

    def __init__(self):
        self.pictures = []  # (RTP time, the clock that it shows in ms)
        self.tones = []  # RTP times
        self._quiet_samples = 0

    def see(self, frame):
        row = frame.to_ndarray(format="gray")[CELL // 2]
        self.pictures.append((frame.pts, sum(1 << bit for bit in range(BITS) if row[bit * CELL + CELL // 2] > 127)))

    def hear(self, frame):
        """Takes a frame of 16-bit samples; a tone begins where it is loud after half a second of silence."""
        samples = frame.to_ndarray()[0][::len(frame.layout.channels)] / 32768
        loud = numpy.flatnonzero(numpy.abs(samples) > TONE_LEVEL / 4)
        if len(loud) == 0:
            self._quiet_samples += len(samples)
            return
        if self._quiet_samples > SOUND_RATE / 2:
            self.tones.append(frame.pts + int(loud[0]))
        self._quiet_samples = 0


if __name__ == "__main__":
    publish(sys.argv[1], float(sys.argv[2]))
