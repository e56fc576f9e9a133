/** A connection begins small and grows for so long, in ms: that is no lack. */
const SETTLING_MS = 12_000;

/**
 * How the publication goes, in words.
 * @param {import("./whip.js").WhipPublisher | null} publisher @param {number} now in ms since 1970
 */
export function stateWords(publisher, now) {
  switch (publisher?.state ?? "idle") {
    case "connecting": return "Connecting to the server…";
    case "mending": return "The connection broke. Taking it up again; keep this page open.";
    case "failed": return "Not live.";
    case "live": return `You are live.${now - (publisher?.liveSince ?? now) > SETTLING_MS ? limitWords(publisher) : ""}`;
    default: return "Ready. Nothing is sent yet.";
  }
}

/** @param {import("./whip.js").WhipPublisher | null} publisher */
function limitWords(publisher) {
  switch (publisher?.outbound?.limitedBy) {
    case "bandwidth": return " Your network carries less than this picture needs, so it is sent smaller.";
    case "cpu": return " This computer is too busy for this picture, so it is sent smaller.";
    default: return "";
  }
}

/** @type {Record<string, string>} */
const TROUBLES = {
  unreachable: "The server does not answer. Check the connection, then go live again.",
  login_needed: "Your login has ended. Log in again in another tab, then go live again.",
  not_found: "You may not publish to this stream, or it is gone.",
  webrtc_not_available: "This server takes no streams from browsers. Publish by RTMP instead.",
};

/**
 * Why it did not go on, and what to do.
 * @param {import("../api.js").Problem} problem
 */
export function troubleWords(problem) {
  if (problem.status === 409) return `Somebody else publishes to this stream just now. ${problem.message}`;
  return `${TROUBLES[problem.code] ?? problem.message} (${problem.code})`;
}
