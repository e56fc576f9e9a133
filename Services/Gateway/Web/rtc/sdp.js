/** What pages read and change in session descriptions: little, by lines, never by guessing. */

/** @param {string} sdp */
const linesOf = (sdp) => sdp.split(/\r?\n/).filter((line) => line !== "");

/**
 * The fragment that restarts ICE (RFC 8840): our credentials and candidates, by media section.
 * @param {string} sdp our new offer
 */
export function fragmentOf(sdp) {
  const kept = linesOf(sdp).filter((line) => /^(m=|a=(ice-ufrag|ice-pwd|ice-options|mid|candidate|end-of-candidates|group:BUNDLE))/.test(line));
  const first = kept.findIndex((line) => line.startsWith("m="));
  const head = kept.slice(0, Math.max(first, 0));
  const credentials = kept.filter((line) => /^a=ice-(ufrag|pwd)/.test(line)).slice(0, 2);
  // All media go over one transport: the first section speaks for all.
  const next = kept.findIndex((line, index) => index > first && line.startsWith("m="));
  const section = kept.slice(first, next < 0 ? undefined : next).filter((line) => !/^a=ice-(ufrag|pwd)/.test(line));
  return [...head.filter((line) => !/^a=ice-(ufrag|pwd)/.test(line)), ...credentials, ...section].join("\r\n") + "\r\n";
}

/**
 * An answer with other ICE credentials and candidates: those of the server's fragment.
 * @param {string} answer @param {string} fragment
 */
export function withTransport(answer, fragment) {
  const from = linesOf(fragment);
  const ufrag = from.find((line) => line.startsWith("a=ice-ufrag:"));
  const password = from.find((line) => line.startsWith("a=ice-pwd:"));
  if (!ufrag || !password) throw new Error("the server's fragment has no credentials");
  const candidates = from.filter((line) => /^a=(candidate|end-of-candidates)/.test(line));
  const lines = [];
  for (const line of linesOf(answer)) {
    if (line.startsWith("a=ice-ufrag:")) lines.push(ufrag);
    else if (line.startsWith("a=ice-pwd:")) lines.push(password);
    else if (!/^a=(candidate|end-of-candidates)/.test(line) || candidates.length === 0) lines.push(line);
  }
  const first = lines.findIndex((line) => line.startsWith("m="));
  const next = lines.findIndex((line, index) => index > first && line.startsWith("m="));
  lines.splice(next < 0 ? lines.length : next, 0, ...candidates);
  return lines.join("\r\n") + "\r\n";
}

/**
 * Asks for stereo: browsers else play one channel of Opus.
 * @param {string} sdp
 */
export function withStereo(sdp) {
  const opus = /^a=rtpmap:(\d+) opus\//im.exec(sdp)?.[1];
  return opus ? sdp.replace(new RegExp(`^(a=fmtp:${opus} )(?!.*stereo=1)`, "m"), "$1stereo=1;sprop-stereo=1;") : sdp;
}

/**
 * The video codecs that a description offers, such as "VP8" or "H264", each once.
 * @param {string} sdp @returns {string[]}
 */
export function videoCodecsIn(sdp) {
  const section = sdp.split(/^(?=m=)/m).find((one) => one.startsWith("m=video")) ?? "";
  const names = [...section.matchAll(/^a=rtpmap:\d+ ([\w-]+)\//gm)].map(([, name]) => name.toUpperCase());
  return [...new Set(names)].filter((name) => !["RTX", "RED", "ULPFEC", "FLEXFEC-03"].includes(name));
}
