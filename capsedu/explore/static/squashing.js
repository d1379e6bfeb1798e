// Squash and its relatives: a vector s in the plane becomes v, in four steps.
// state: s [x, y], formula (a key of FORMULAS).

const FORMULAS = {
  paper: { text: "n² / (1 + n²)", length: (n) => (n * n) / (1 + n * n) },
  misprint: { text: "n / (1 + n²)", length: (n) => n / (1 + n * n) },
  half: { text: "n² / (0.5 + n²)", length: (n) => (n * n) / (0.5 + n * n) },
  slow: { text: "n / (1 + n)", length: (n) => n / (1 + n) },
  exponential: { text: "1 − exp(−n)", length: (n) => 1 - Math.exp(-n) },
  unit: { text: "1", length: () => 1 },
  componentwise: {
    text: "each component x becomes sign(x) x² / (1 + x²)",
    length: (n) => (n * n) / (1 + n * n), // along an axis
  },
};
const FAR = 3; // how far the plane and the curve reach

function squash({ s, formula }) {
  const n = Math.hypot(...s);
  const direction = n === 0 ? [0, 0] : s.map((value) => value / n);
  const bend = FORMULAS[formula].length;
  const v =
    formula === "componentwise"
      ? s.map((value) => Math.sign(value) * bend(Math.abs(value)))
      : direction.map((value) => bend(n) * value);
  return { n, direction, v, length: Math.hypot(...v) };
}

function told(t, formula, { n, v, length }) {
  const long = n.toFixed(2);
  if (formula === "componentwise") {
    const ends = `The result is ${length.toFixed(2)} long`;
    return [
      `Measure: s is ${long} long. This formula does not look at that.`,
      "It does not look at the direction either.",
      "Instead, each component is bent by itself, as if it were alone.",
      `${ends}. Turn s: v leans towards the diagonals, and there its length can exceed 1.`,
    ][t];
  }
  if (n === 0) return "s is zero: it has no direction, and v is zero too.";
  const verdict = {
    paper: `as odds, n² = ${(n * n).toFixed(2)} to 1 that it is there.`,
    misprint: "past n = 1 a longer s makes a shorter v, and v never passes 0.5.",
    half: "it is always shorter than s, for any n.",
    slow: "even little totals stay: the curve starts with slope 1.",
    exponential: "even little totals stay: the curve starts with slope 1.",
    unit: "it is always 1 long, so the length says nothing.",
  }[formula];
  return [
    `Measure: s is n = ${long} long.`,
    "Divide by n: what is left has length 1 and is all direction.",
    `Read the new length off the curve: ${FORMULAS[formula].text} = ${length.toFixed(2)}.`,
    `Stretch the direction to that length: v = (${v.map((x) => x.toFixed(2)).join(", ")}); ${verdict}`,
  ][t];
}

function view(steps, t, { s, formula }) {
  const result = steps[t];
  const { n, direction, v, length } = result;
  const arrows = [{ to: s, label: "s", color: 1, width: 2, drag: "s" }];
  if (t === 1 || t === 2) arrows.push({ to: direction, label: "s/n", color: 7, dashed: true });
  if (t === 3) arrows.push({ to: v, label: "v", color: 2, width: 3.5 });
  const bend = FORMULAS[formula].length;
  const points = Array.from({ length: 161 }, (_, k) => [(k * FAR) / 160, bend((k * FAR) / 160)]);
  const paper = points.map(([x]) => [x, FORMULAS.paper.length(x)]);
  const lines = [{ label: FORMULAS[formula].text, points, color: 2, width: 2.5 }];
  if (formula === "componentwise") lines[0].label = "along an axis";
  if (formula !== "paper") {
    lines.push({ label: "the paper's squash", points: paper, color: 1, dashed: true });
  }
  const dots = t >= 2 ? [{ at: [Math.min(n, FAR), length], label: length.toFixed(2), color: 2 }] : [];
  return {
    label: ["1 measure", "2 direction", "3 new length", "4 result"][t],
    caption: told(t, formula, result),
    panels: [
      { kind: "plane", title: "s: drag it", range: [-FAR, FAR], circle: 1, arrows, size: 1.2 },
      {
        kind: "curve", title: "length of v over length of s", x: [0, FAR], y: [0, 1.1],
        xlabel: "n, the length of s", ylabel: "length of v", lines, dots, size: 1.2,
      },
    ],
    table: {
      head: ["", "x", "y", "length"],
      rows: [["s", ...s, n], ["s / n", ...direction, n === 0 ? 0 : 1], ["v", ...v, length]],
    },
  };
}

export const squashing = {
  compute: (state) => Array.from({ length: 4 }, () => squash(state)),
  view,
};
