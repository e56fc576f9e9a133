import { h } from "../dom.js";
import { ago, exactly, lengthOf, size } from "../format.js";
import { clockText } from "../player/timeline.js";
import { logo } from "./logo.js";
import { Preview } from "./m-preview.js";
import { Still } from "./m-still.js";

/**
 * A stream that is on the air.
 * @param {{id: string, slug: string, title: string, state: string, session?: {id: string, startedAt: string} | null}} stream
 */
export function streamCard(stream) {
  const isAway = stream.state === "away";
  const started = stream.session?.startedAt;
  return h("a", { className: "card", href: `/watch/${encodeURIComponent(stream.slug)}` },
    h("div", { className: "art" }, logo(), stream.session && Preview.of(stream.id, stream.session.id), h("span", { className: `badge ${isAway ? "away" : "live"}` },
      h("span", { className: "dot" }), isAway ? "INTERRUPTED" : "LIVE")),
    h("div", {}, h("h3", {}, stream.title || stream.slug),
      h("p", { className: "meta", title: started ? exactly(started) : "" }, started ? `Started ${ago(started)}` : "")));
}

/**
 * A session that was recorded.
 * @param {import("../api.js").Recording} recording
 */
export function recordingCard(recording) {
  const isOpen = recording.state === "recording";
  const facts = [ago(recording.startedAt), isOpen ? "still recording" : lengthOf(recording.duration), size(recording.bytes)];
  return h("a", { className: "card", href: recording.watchUrl },
    h("div", { className: "art" }, logo(), !isOpen && Still.of(recording), recording.duration !== null && h("span", { className: "length number" }, clockText(recording.duration))),
    h("div", {}, h("h3", {}, recording.title || "Recording"),
      h("p", { className: "meta", title: exactly(recording.startedAt) }, facts.filter(Boolean).join(" · "))));
}
