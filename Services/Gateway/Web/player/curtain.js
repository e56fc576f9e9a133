const LONGEST_MS = 3_000;

/**
 * Keeps the last picture on the screen while the element changes its source, until the new one shows.
 * @param {HTMLVideoElement} video
 */
export function keepPicture(video) {
  const { videoWidth: width, videoHeight: height, parentElement } = video;
  if (width === 0 || video.readyState < 2 || !parentElement) return;
  const canvas = document.createElement("canvas");
  canvas.className = "curtain";
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d")?.drawImage(video, 0, 0, width, height);
  for (const old of parentElement.querySelectorAll(".curtain")) old.remove();
  video.after(canvas);
  const lift = () => canvas.remove();
  if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(lift);
  else /** @type {HTMLVideoElement} */ (video).addEventListener("playing", lift, { once: true });
  setTimeout(lift, LONGEST_MS);
}
