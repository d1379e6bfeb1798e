// The ground of a plane: a coarse grid of numbers as colours, and the line where they have one
// value. ground: { values [[...]] (rows from the top), min, max, scale, level, label }.

import { html, number, svg } from "./elements.js";
import { shade } from "./themes.js";

export function heat(ground, range, map, colours) {
  const { values, level } = ground;
  const [rows, columns] = [values.length, values[0].length];
  const canvas = html("canvas", { width: columns, height: rows });
  const context = canvas.getContext("2d");
  values.forEach((line, r) => {
    line.forEach((value, c) => {
      context.fillStyle = shade(ground, value, colours).background;
      context.fillRect(c, r, 1, 1);
    });
  });
  const [low, high] = range;
  const [x, y] = [map.x(low), map.y(high)];
  const size = { width: map.x(high) - x, height: map.y(low) - y };
  const href = canvas.toDataURL();
  const cells = svg("image", { x, y, ...size, href, preserveAspectRatio: "none", opacity: 0.6 });

  const centre = ([r, c]) => [
    x + ((c + 0.5) * size.width) / columns, y + ((r + 0.5) * size.height) / rows,
  ];
  const path = edges(values, level).map(
    ([from, to]) => `M ${centre(from).join(" ")} L ${centre(to).join(" ")}`,
  );
  const look = { fill: "none", stroke: colours.ink, "stroke-width": 1.2 };
  return svg("g", {}, cells, svg("path", { d: path.join(" "), ...look, class: "level" }));
}

// Pieces of the line on which the values are `level`, between places [row, column]: at most two
// in each square of four neighbours, from side to side where the values pass it.
function edges(values, level) {
  const found = [];
  for (let r = 0; r + 1 < values.length; r += 1) {
    for (let c = 0; c + 1 < values[r].length; c += 1) {
      const corners = [[r, c], [r, c + 1], [r + 1, c + 1], [r + 1, c]];
      const crossings = corners.flatMap((from, k) => {
        const to = corners[(k + 1) % 4];
        const [a, b] = [from, to].map(([i, j]) => values[i][j] - level);
        if (a < 0 === b < 0) return [];
        const share = a / (a - b);
        return [[0, 1].map((axis) => from[axis] + share * (to[axis] - from[axis]))];
      });
      if (crossings.length === 4) {
        // A saddle: the middle decides which two opposite corners hang together.
        const [first, ...others] = corners.map(([i, j]) => values[i][j] - level);
        const middle = others.reduce((total, value) => total + value, first);
        if (middle < 0 !== first < 0) crossings.push(crossings.shift());
      }
      for (let k = 0; k < crossings.length; k += 2) found.push([crossings[k], crossings[k + 1]]);
    }
  }
  return found;
}

// What the colours mean, for the legend: from the smallest number to the largest.
export function heatKey(ground, colours) {
  const { min, max } = ground;
  const ends = [Math.min(min, max), Math.max(min, max)];
  const stops = [ends[0], (min + max) / 2, ends[1]].map(
    (value) => shade(ground, value, colours).background,
  );
  const style = `background: linear-gradient(90deg, ${stops.join(", ")})`;
  const ramp = html("span", { class: "ramp", style, "aria-hidden": "true" });
  const [low, high] = ends.map((value) => number(value, 0));
  return html("li", {}, `${ground.label}: ${low} `, ramp, ` ${high}`);
}
