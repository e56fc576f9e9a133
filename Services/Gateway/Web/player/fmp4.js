/**
 * The few boxes of ISO/IEC 14496-12 that the player must read itself: what an init segment's codec is
 * called, its timescale, and where on the timeline a media segment begins.
 */

/** @typedef {{type: string, body: Uint8Array}} Box */

/**
 * The boxes side by side in `bytes`; a cut or lying length ends the list.
 * @param {Uint8Array} bytes
 * @returns {Box[]}
 */
export function boxesIn(bytes) {
  const view = viewOf(bytes);
  const boxes = [];
  let offset = 0;
  while (offset + 8 <= bytes.length) {
    const size = view.getUint32(offset);
    if (size < 8 || offset + size > bytes.length) break;
    const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    boxes.push({ type, body: bytes.subarray(offset + 8, offset + size) });
    offset += size;
  }
  return boxes;
}

/**
 * The first box at the end of a path of types.
 * @param {Uint8Array} bytes @param {string[]} path
 * @returns {Uint8Array | null}
 */
export function boxAt(bytes, path) {
  /** @type {Uint8Array | null} */ let body = bytes;
  for (const type of path) {
    body = body && (boxesIn(body).find((box) => box.type === type)?.body ?? null);
  }
  return body;
}

/**
 * Ticks a second of the init segment's track, or null.
 * @param {Uint8Array} init
 */
export function timescaleOf(init) {
  const mdhd = boxAt(init, ["moov", "trak", "mdia", "mdhd"]);
  if (!mdhd || mdhd.length < 24) return null;
  return viewOf(mdhd).getUint32(mdhd[0] === 1 ? 20 : 12) || null;
}

/**
 * The first decode time of a media segment in ticks, or null.
 * @param {Uint8Array} segment
 */
export function decodeTimeOf(segment) {
  const tfdt = boxAt(segment, ["moof", "traf", "tfdt"]);
  if (!tfdt || tfdt.length < 8) return null;
  if (tfdt[0] !== 1) return viewOf(tfdt).getUint32(4);
  return tfdt.length < 12 ? null : Number(viewOf(tfdt).getBigUint64(4));
}

/**
 * The MIME type with the codec (RFC 6381) of an init segment, or null where it is unknown.
 * @param {Uint8Array} init
 */
export function mimeOf(init) {
  const stsd = boxAt(init, ["moov", "trak", "mdia", "minf", "stbl", "stsd"]);
  const entry = stsd && boxesIn(stsd.subarray(8))[0];
  if (!entry) return null;
  const codec = codecOf(entry);
  if (!codec) return null;
  const kind = AUDIO_ENTRIES.has(entry.type) ? "audio" : "video";
  return `${kind}/mp4; codecs="${codec}"`;
}

const AUDIO_ENTRIES = new Set(["mp4a", "Opus", "fLaC", "ac-3", "ec-3"]);
const VISUAL_ENTRY_BYTES = 78;
const AUDIO_ENTRY_BYTES = 28;

/** @param {Box} entry */
function codecOf(entry) {
  const header = AUDIO_ENTRIES.has(entry.type) ? AUDIO_ENTRY_BYTES : VISUAL_ENTRY_BYTES;
  const children = entry.body.subarray(header);
  switch (entry.type) {
    case "avc1": case "avc3": return avcCodec(entry.type, boxAt(children, ["avcC"]));
    case "hvc1": case "hev1": return hevcCodec(entry.type, boxAt(children, ["hvcC"]));
    case "av01": return av1Codec(boxAt(children, ["av1C"]));
    case "vp09": return vp9Codec(boxAt(children, ["vpcC"]));
    case "mp4a": return aacCodec(boxAt(children, ["esds"]));
    case "Opus": return "opus";
    case "fLaC": return "flac";
    case "ac-3": case "ec-3": return entry.type;
    default: return null;
  }
}

/** @param {string} entry @param {Uint8Array | null} avcC */
function avcCodec(entry, avcC) {
  if (!avcC || avcC.length < 4) return null;
  return `${entry}.${hex(avcC[1])}${hex(avcC[2])}${hex(avcC[3])}`;
}

/**
 * ISO/IEC 14496-15 annex E.3.
 * @param {string} entry @param {Uint8Array | null} hvcC
 */
function hevcCodec(entry, hvcC) {
  if (!hvcC || hvcC.length < 13) return null;
  const space = ["", "A", "B", "C"][hvcC[1] >> 6];
  const tier = hvcC[1] & 0x20 ? "H" : "L";
  let compatibility = 0;
  const flags = viewOf(hvcC).getUint32(2);
  for (let bit = 0; bit < 32; bit += 1) compatibility |= ((flags >>> bit) & 1) << (31 - bit);
  const constraints = [...hvcC.subarray(6, 12)];
  while (constraints.length > 0 && constraints.at(-1) === 0) constraints.pop();
  const parts = [entry, `${space}${hvcC[1] & 0x1f}`, (compatibility >>> 0).toString(16), `${tier}${hvcC[12]}`];
  return [...parts, ...constraints.map((byte) => byte.toString(16).toUpperCase())].join(".");
}

/** @param {Uint8Array | null} av1C */
function av1Codec(av1C) {
  if (!av1C || av1C.length < 4) return null;
  const tier = av1C[2] & 0x80 ? "H" : "M";
  const depth = av1C[2] & 0x40 ? (av1C[2] & 0x20 ? "12" : "10") : "08";
  return `av01.${av1C[1] >> 5}.${twoDigits(av1C[1] & 0x1f)}${tier}.${depth}`;
}

/** @param {Uint8Array | null} vpcC */
function vp9Codec(vpcC) {
  if (!vpcC || vpcC.length < 7) return null;
  return `vp09.${twoDigits(vpcC[4])}.${twoDigits(vpcC[5])}.${twoDigits(vpcC[6] >> 4)}`;
}

/**
 * The object type of the AudioSpecificConfig in an `esds`.
 * @param {Uint8Array | null} esds
 */
function aacCodec(esds) {
  const config = esds && decoderSpecificInfo(esds.subarray(4));
  if (!config || config.length < 2) return "mp4a.40.2";
  const type = config[0] >> 3;
  const extended = 32 + (((config[0] & 7) << 3) | (config[1] >> 5));
  return `mp4a.40.${type === 31 ? extended : type}`;
}

/**
 * Walks ES_Descriptor (3) → DecoderConfigDescriptor (4) → DecoderSpecificInfo (5).
 * @param {Uint8Array} bytes
 * @returns {Uint8Array | null}
 */
function decoderSpecificInfo(bytes) {
  /** @type {Record<number, number>} */ const fixedBytes = { 3: 3, 4: 13 };
  let rest = bytes;
  while (rest.length > 2) {
    const tag = rest[0];
    let offset = 1;
    while (offset < Math.min(4, rest.length - 1) && rest[offset] & 0x80) offset += 1;
    const body = rest.subarray(offset + 1);
    if (tag === 5) return body.subarray(0, rest[offset] & 0x7f);
    if (!(tag in fixedBytes)) return null;
    rest = body.subarray(fixedBytes[tag]);
  }
  return null;
}

/** @param {number} byte */
function hex(byte) {
  return byte.toString(16).padStart(2, "0");
}

/** @param {number} number */
function twoDigits(number) {
  return String(number).padStart(2, "0");
}

/** @param {Uint8Array} bytes */
function viewOf(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
