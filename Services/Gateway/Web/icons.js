/** The martlet: a swift in flight, without feet, as one path on a 24 by 24 grid. */
export const MARTLET =
  "M21.5 2.5c-2.2 0-4 .7-5.4 2.1C11.6 3.1 5.6 4 1 8c5.3-.9 9.3 0 11.2 2.1C9.7 12.7 7 15.2 3.5 16.9" +
  "c1.4 0 2.5.3 3.2.9.6.7.9 1.8.9 3.2 1.4-3.6 3.9-6.3 6.5-8.8 2 2 2.9 5.8 1.9 10.8 4.1-4.7 4.9-10.6 3.4-15" +
  " 1.4-1.4 2.1-3.3 2.1-5.5Z";

/**
 * Line icons on a 24 by 24 grid, 1.5 px strokes.
 * @type {Record<string, string>}
 */
export const ICONS = {
  play: "M7 4.5v15l12-7.5z",
  pause: "M8 5v14M16 5v14",
  replay: "M4 4v5h5M4.6 9A8 8 0 1 1 4 12",
  back: "M11 7 6 12l5 5M18 7l-5 5 5 5",
  forward: "M13 7l5 5-5 5M6 7l5 5-5 5",
  volume: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11",
  quiet: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6",
  muted: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  fullscreen: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  windowed: "M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5",
  pip: "M3.5 5.5h17v13h-17zM12 12h6v4.5h-6z",
  info: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM12 11v5.5M12 7.5v.5",
  sounds: "M4 6.5h9M4 12h6M4 17.5h6M15.5 17.5a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zM15.5 17.5V6.5l4.5 2",
  quality: "M3.5 7h17M3.5 12h17M3.5 17h17M9 5v4M16 10v4M7 15v4",
  bolt: "M13 3.5 5 13.5h6l-1 7 8-10h-6z",
  camera: "M3.5 7.5h11v9h-11zM14.5 11l6-3.5v9l-6-3.5",
  "camera-off": "M3.5 7.5h11v9h-11zM14.5 11l6-3.5v9l-6-3.5M3 3.5l18 17",
  screen: "M3.5 5h17v11h-17zM9 20h6M12 16v4",
  microphone: "M12 4a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-5 0v-5A2.5 2.5 0 0 1 12 4zM6 11.5a6 6 0 0 0 12 0M12 17.5V20",
  "microphone-off": "M12 4a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-5 0v-5A2.5 2.5 0 0 1 12 4zM6 11.5a6 6 0 0 0 12 0M12 17.5V20M4 4l16 16",
  grid: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  speed: "M12 13.5 16 8.5M4.5 17.5a8.5 8.5 0 1 1 15 0",
  share: "M12 15V4M8 7.5 12 3.5l4 4M6 11.5v8h12v-8",
  copy: "M9 9h10.5v10.5H9zM15 9V4.5H4.5V15H9",
  check: "M5 12.5l4.5 4.5L19 7.5",
  close: "M6 6l12 12M18 6 6 18",
  key: "M14.5 3.5a6 6 0 1 1-4.6 9.8L3.5 19.7V20.5h3v-2h2v-2h1.5l1-1M16 8v.1",
  plus: "M12 5v14M5 12h14",
  home: "M4 11.5 12 4.5l8 7M6 10v9.5h12V10",
  streams: "M12 10.5a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3zM8 16a5.6 5.6 0 0 1 0-8M16 8a5.6 5.6 0 0 1 0 8M5 19a9.9 9.9 0 0 1 0-14M19 5a9.9 9.9 0 0 1 0 14",
  theme: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 4v16M12 8h3.5M12 12h4.5M12 16h3.5",
  logout: "M10 4.5H5v15h5M14 8l4 4-4 4M18 12H9",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7",
  rotate: "M19.5 8A8 8 0 0 0 5 9.5M4.5 4.5v5h5M4.5 16A8 8 0 0 0 19 14.5M19.5 19.5v-5h-5",
  download: "M12 4v11M8 11.5l4 4 4-4M5 19.5h14",
  warning: "M12 4 2.5 20h19zM12 10v4.5M12 17v.5",
  lock: "M6 11h12v9H6zM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11",
  keyboard: "M3 6.5h18v11H3zM6.5 10h.1M10 10h.1M14 10h.1M17.5 10h.1M8 14h8",
};
