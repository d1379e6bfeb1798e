// Colours for light and dark pages. The eight line colours are Okabe and Ito's, which readers
// with any kind of colour vision can tell apart; in the dark, blue and purple are lightened.

const LIGHT = {
  surface: [255, 255, 255],
  ink: "#1a1a1a",
  faint: "#d9d9d9",
  lines: ["#1a1a1a", "#0072b2", "#c44601", "#00795a", "#9a6700", "#2b7bba", "#a8507f", "#5f5f5f"],
  sequential: [[246, 250, 255], [8, 48, 107]],
  negative: [0, 90, 150],
  positive: [190, 70, 0],
};

const DARK = {
  surface: [24, 28, 34],
  ink: "#ececec",
  faint: "#4a515c",
  lines: ["#ececec", "#5fb2ec", "#ff8a4c", "#2fc79b", "#f0b030", "#8fd0f5", "#e29ac4", "#adadad"],
  sequential: [[30, 38, 50], [170, 212, 255]],
  negative: [90, 175, 235],
  positive: [255, 138, 76],
};

export function theme(dark) {
  return dark ? DARK : LIGHT;
}

// The page says whether it is dark, each kind of page in its own way.
export function pageIsDark() {
  const { documentElement: root, body } = document;
  if (root.dataset.theme) return root.dataset.theme === "dark"; // the book
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false"; // JupyterLab
  if (body.dataset.vscodeThemeKind) return !body.dataset.vscodeThemeKind.endsWith("light");
  if (root.getAttribute("theme")) return root.getAttribute("theme") === "dark"; // Colab
  return window.matchMedia("(prefers-color-scheme: dark)").matches;
}

export function whenThemeChanges(react) {
  const observer = new MutationObserver(react);
  const attributeFilter = ["data-theme", "data-jp-theme-light", "data-vscode-theme-kind", "theme"];
  observer.observe(document.documentElement, { attributes: true, attributeFilter });
  observer.observe(document.body, { attributes: true, attributeFilter });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", react);
}

function mix(from, to, share) {
  return from.map((value, k) => Math.round(value + (to[k] - value) * share));
}

function luminance(rgb) {
  const [r, g, b] = rgb.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// The colour of a value on a scale, and black or white, whichever can be read on it.
export function shade(panel, value, colours) {
  const share = Math.min(1, Math.max(0, (value - panel.min) / (panel.max - panel.min || 1)));
  let rgb;
  if (panel.scale === "gray") {
    rgb = mix([0, 0, 0], [255, 255, 255], share);
  } else if (panel.scale === "diverging") {
    const end = share < 0.5 ? colours.negative : colours.positive;
    rgb = mix(colours.surface, end, Math.abs(2 * share - 1));
  } else {
    rgb = mix(...colours.sequential, share);
  }
  return { background: `rgb(${rgb.join(",")})`, text: luminance(rgb) > 0.18 ? "#000" : "#fff" };
}
