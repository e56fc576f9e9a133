/** The catalog's event types that say something about a stream. */
const TYPES = [
  "stream.live", "stream.away", "stream.ended", "stream.updated", "tracks.changed",
  "recording.updated", "recording.ended", "recording.deleted", "grant.revoked", "reset",
];

/** After a refusal the browser gives up by itself; this much later it is worth another try. */
const REOPEN_MS = 30_000;

/** One server-sent event stream, taken up again after a break (`Last-Event-ID` is the browser's work). */
export class Events {
  /** @type {EventSource | null} */ #source = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #reopen;

  /**
   * @param {string | null} streamId only this stream's events, else all that one may see
   * @param {(type: string) => void} onEvent
   */
  constructor(streamId, onEvent) {
    this.streamId = streamId;
    this.onEvent = onEvent;
    this.#open();
  }

  /** Whether changes will be told; if not, one must ask. */
  get isOpen() {
    return this.#source?.readyState === EventSource.OPEN;
  }

  close() {
    clearTimeout(this.#reopen);
    this.#source?.close();
    this.#source = null;
  }

  #open() {
    const query = this.streamId ? `?stream=${this.streamId}` : "";
    const source = new EventSource(`/api/v1/events${query}`);
    this.#source = source;
    for (const type of TYPES) source.addEventListener(type, () => this.onEvent(type));
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return;
      this.#reopen = setTimeout(() => this.#open(), REOPEN_MS);
    };
  }
}
