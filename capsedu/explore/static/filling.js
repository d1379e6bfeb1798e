// A hole that the reader draws into a digit, and what fills it: the best of some samples of a
// generator, and the nearest of some training digits. The numbers are those of
// capsedu/explore/explorers/filling.py. state: digit (its number, as text); hole [rows][columns],
// 1 where a block of pixels is missing; cursor [row, column]; shape and drawn (the ready-made hole
// that was chosen, and the one that the hole was last set to). trace: side (of a picture, in
// pixels), window, digits, made, seen (pictures), shapes { name: hole }.

import { number, svg } from "./elements.js";
import { KINDS } from "./panels.js";

const SHADES = 15; // the lightest; a byte holds two pixels

const opened = new WeakMap(); // the pictures of a trace, by its name for them

function pictures(trace, name) {
  if (!opened.has(trace)) opened.set(trace, {});
  const known = opened.get(trace);
  if (!known[name]) {
    const bytes = Uint8Array.from(atob(trace[name]), (letter) => letter.charCodeAt(0));
    const size = trace.side ** 2;
    known[name] = Array.from({ length: (2 * bytes.length) / size }, (_, n) =>
      Float64Array.from({ length: size }, (_, k) => {
        const byte = bytes[(n * size + k) >> 1];
        return (k % 2 ? byte & 15 : byte >> 4) / SHADES;
      }),
    );
  }
  return known[name];
}

// From blocks to pixels: 1 where one is missing.
function missingPixels(hole, side) {
  const block = side / hole.length;
  return Uint8Array.from({ length: side * side }, (_, k) => {
    const [row, column] = [Math.floor(k / side), k % side];
    return hole[Math.floor(row / block)][Math.floor(column / block)];
  });
}

// How much each known pixel counts: the share of missing ones around it.
function contextWeights(missing, side, window) {
  const reach = (window - 1) / 2;
  return Float64Array.from({ length: side * side }, (_, k) => {
    if (missing[k]) return 0;
    const [row, column] = [Math.floor(k / side), k % side];
    let [count, gone] = [0, 0];
    for (let r = Math.max(0, row - reach); r <= Math.min(side - 1, row + reach); r += 1) {
      for (let c = Math.max(0, column - reach); c <= Math.min(side - 1, column + reach); c += 1) {
        count += 1;
        gone += missing[r * side + c];
      }
    }
    return gone / count;
  });
}

function smallest(values) {
  return values.reduce((best, value, k) => (value < values[best] ? k : best), 0);
}

function compute(state, trace) {
  const { side, window } = trace;
  const digit = pictures(trace, "digits")[Number(state.digit)];
  const [made, seen] = [pictures(trace, "made"), pictures(trace, "seen")];
  const missing = missingPixels(state.hole, side);
  const count = missing.reduce((total, value) => total + value, 0);
  const share = count / missing.length;
  if (share === 0 || share === 1) return [{ share }];
  const weights = contextWeights(missing, side, window);
  const all = weights.reduce((total, weight) => total + weight, 0);
  const sum = (picture, part) =>
    picture.reduce((total, value, k) => total + part(value - digit[k], k), 0);
  const contexts = made.map((x) => sum(x, (d, k) => weights[k] * Math.abs(d)) / all);
  const distances = seen.map((x) => Math.sqrt(sum(x, (d, k) => (1 - missing[k]) * d * d)));
  const [best, nearest] = [smallest(contexts), smallest(distances)];
  const error = (picture) => sum(picture, (d, k) => missing[k] * Math.abs(d)) / count;
  return [
    {
      share, best, nearest, context: contexts[best], distance: distances[nearest],
      errors: { made: error(made[best]), seen: error(seen[nearest]) },
    },
  ];
}

// A picture as the panels take it.
function shown(title, values, side, more = {}) {
  const letters = Array.from(values, (value) => String.fromCharCode(Math.round(255 * value)));
  const bytes = btoa(letters.join(""));
  return { kind: "image", title, size: 0.8, height: side, width: side, bytes, ...more };
}

function told(step, trace) {
  if (step.share === 0) return "Nothing is missing. Take some blocks of the digit away.";
  if (step.share === 1) return "Nothing is left to go by. Give some blocks of the digit back.";
  const { errors, share } = step;
  const counts = ["made", "seen"].map((name) => pictures(trace, name).length);
  const gap = errors.made - errors.seen;
  const winner = gap < 0 ? "the sample" : "the training digit";
  const verdict = Math.abs(gap) < 5e-4 ? "Both are equally far off" : `Nearer is ${winner}`;
  return (
    `${Math.round(100 * share)} % of the pixels are missing. Of ${counts[0]} samples of the ` +
    `generator, the one that agrees best with the pixels around the hole is off by ` +
    `${number(errors.made, 3)} inside it; the nearest of ${counts[1]} training digits by ` +
    `${number(errors.seen, 3)} (0: exact, 1: black for white). ${verdict}.`
  );
}

function view(steps, t, state, trace) {
  const [step, { side }] = [steps[t], trace];
  const digit = pictures(trace, "digits")[Number(state.digit)];
  const missing = missingPixels(state.hole, side);
  const filledFrom = (picture) => digit.map((value, k) => (missing[k] ? picture[k] : value));
  const found = step.best !== undefined;
  const sample = found ? pictures(trace, "made")[step.best] : digit.map(() => 0);
  const other = found ? pictures(trace, "seen")[step.nearest] : digit.map(() => 0);
  const rows = [
    ["the generator's best sample", found ? step.errors.made : "–", found ? step.context : "–"],
    ["the nearest training digit", found ? step.errors.seen : "–", "–"],
  ];
  return {
    label: `${Math.round(100 * step.share)} % missing`,
    caption: told(step, trace),
    panels: [
      shown("draw the hole", digit, side, { kind: "paint", hole: state.hole, cursor: state.cursor }),
      shown("the generator's best sample", sample, side),
      shown("… in the hole", filledFrom(sample), side),
      shown("the nearest training digit in it", filledFrom(other), side),
    ],
    table: { head: ["filled from", "off by, in the hole", "off by, around it (weighted)"], rows },
  };
}

// Choosing a ready-made hole draws it, once.
function constrain(state, trace) {
  if (state.shape === state.drawn) return state;
  const hole = trace.shapes[state.shape].map((row) => [...row]);
  return { ...state, hole, drawn: state.shape };
}

// A picture with blocks that can be taken away and given back: by pointer, a whole stroke with what
// its first block became; by keyboard, arrows for the place and space for the block.
function paint(panel, colours, act) {
  const { hole, cursor, width, height } = panel;
  const [rows, columns] = [hole.length, hole[0].length];
  const root = KINDS.image(panel, colours);
  const size = { width: width / columns, height: height / rows };
  const corner = (r, c) => ({ x: c * size.width, y: r * size.height });
  hole.forEach((line, r) => {
    line.forEach((gone, c) => {
      const fill = gone ? colours.lines[5] : "none";
      const look = { fill, stroke: colours.lines[7], "stroke-width": width / 400 };
      root.append(svg("rect", { ...corner(r, c), ...size, ...look, class: gone ? "gone" : "left" }));
    });
  });
  const ring = { fill: "none", stroke: colours.lines[2], "stroke-width": width / 60, class: "mark" };
  root.append(svg("rect", { ...corner(...cursor), ...size, ...ring }));
  const [row, column] = cursor;
  const now = hole[row][column] ? "missing" : "there";
  const help = "Arrow keys choose a block, space takes it away or gives it back.";
  const place = `Row ${row + 1} of ${rows}, column ${column + 1} of ${columns}: ${now}.`;
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", `${panel.title}. ${help} ${place}`);
  root.setAttribute("tabindex", 0);
  root.setAttribute("data-key", `paint ${panel.title}`);
  root.setAttribute("style", "cursor: crosshair; touch-action: none");

  const put = (r, c, value) => {
    act("cursor", [r, c]);
    act(["hole", r, c], value);
  };
  root.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    root.focus({ preventScroll: true });
    const box = root.getBoundingClientRect();
    const at = ({ clientX, clientY }) => [
      Math.floor(((clientY - box.top) / box.height) * rows),
      Math.floor(((clientX - box.left) / box.width) * columns),
    ];
    const [r0, c0] = at(event);
    const value = 1 - (hole[r0]?.[c0] ?? 0);
    const done = new Set();
    const stroke = (moved) => {
      const [r, c] = at(moved);
      if (hole[r]?.[c] === undefined || done.has(`${r} ${c}`)) return;
      done.add(`${r} ${c}`);
      put(r, c, value);
    };
    const stop = () => {
      window.removeEventListener("pointermove", stroke);
      window.removeEventListener("pointerup", stop);
      window.removeEventListener("pointercancel", stop);
    };
    window.addEventListener("pointermove", stroke);
    window.addEventListener("pointerup", stop);
    window.addEventListener("pointercancel", stop);
    stroke(event);
  });
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  root.addEventListener("keydown", (event) => {
    if (event.key === " ") {
      event.preventDefault();
      put(row, column, 1 - hole[row][column]);
    } else if (event.key in moves) {
      event.preventDefault();
      const [down, right] = moves[event.key];
      const inside = (value, count) => Math.min(count - 1, Math.max(0, value));
      act("cursor", [inside(row + down, rows), inside(column + right, columns)]);
    }
  });
  return root;
}
KINDS.paint = paint;

export const filling = { compute, view, constrain };
