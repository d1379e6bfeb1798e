// The pictures of a frame. A frame is data:
//   { label, caption, panels: [...], table: { head: [...], rows: [[...]] } }
// and so is a panel; each function below draws one kind. All have a `title`, and may have a
// `size` (1 is the width of a small picture). `color` is one of the eight of themes.js.
//   matrix  values [[...]], rows, columns, xlabel, ylabel, scale (sequential, diverging, gray),
//           min, max, digits (to print in the cells), outline [[r, c], ...], box [r0, c0, r1, c1],
//           pick (the name in the state that a click sets to [r, c]), picked [r, c]
//   image   height, width, bytes (base64), box [r0, c0, r1, c1]
//   plane   range [low, high], circle (its radius), arrows [{ to, from, label, short, color,
//           width, dashed, drag (the place in the state that dragging sets) }],
//           points [{ at, label, color, mark (disc or square) }],
//           ellipses [{ at, radii, angle, label, color, opacity }], heat (see heat.js),
//           legend [{ label, color, mark (disc, square, arrow or line), width, dashed }]
//   curve   x [low, high], y [low, high], xlabel, ylabel, height, lines [{ label, points, color,
//           dashed }] (with a label, in the legend too), dots [{ at, label, color }]
//   bars    labels, values, min, max, digits, highlight [k, ...]
//   text    text
// What a reader can take hold of calls `act(name, value)`, which sets that part of the state.

import { html, number, svg } from "./elements.js";
import { heat, heatKey } from "./heat.js";
import { shade } from "./themes.js";

const WIDTH = 200; // of a panel of size 1, in the units of its drawing

function picture(height, width, label, live) {
  const role = live ? "group" : "img";
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role, "aria-label": label });
}

function words(x, y, text, attributes = {}) {
  return svg("text", { x, y, "text-anchor": "middle", "font-size": 11, ...attributes }, text);
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

function matrix(panel, colours, act) {
  const rows = panel.values.length;
  const columns = panel.values[0].length;
  const width = WIDTH * (panel.size ?? 1);
  const longest = Math.max(0, ...(panel.rows ?? []).map((label) => String(label).length));
  const left = (longest ? 6.2 * longest + 6 : 1) + (panel.ylabel ? 13 : 0);
  const top = (panel.columns ? 14 : 1) + (panel.xlabel ? 13 : 0);
  const cell = Math.min((width - left - 1) / columns, 54);
  const root = picture(top + rows * cell + 1, width, panel.title, panel.pick);
  const text = { fill: colours.ink };

  if (panel.xlabel) root.append(words(left + (columns * cell) / 2, 10, panel.xlabel, text));
  if (panel.ylabel) {
    const y = top + (rows * cell) / 2;
    const turned = { ...text, transform: `rotate(-90 10 ${y})` };
    root.append(words(10, y, panel.ylabel, turned));
  }
  (panel.columns ?? []).forEach((label, c) => {
    root.append(words(left + (c + 0.5) * cell, top - 4, label, text));
  });
  (panel.rows ?? []).forEach((label, r) => {
    const place = { ...text, "text-anchor": "end" };
    root.append(words(left - 4, top + (r + 0.5) * cell + 3.5, label, place));
  });
  panel.values.forEach((line, r) => {
    line.forEach((value, c) => {
      const colour = shade(panel, value, colours);
      const corner = { x: left + c * cell, y: top + r * cell };
      const size = { width: cell, height: cell };
      root.append(svg("rect", { ...corner, ...size, fill: colour.background, class: "cell" }));
      if (panel.digits === null || panel.digits === undefined) return;
      const printed = number(value, panel.digits);
      const font = clamp((1.5 * cell) / printed.length, 3, Math.min(12, 0.5 * cell));
      const look = { fill: colour.text, "font-size": font };
      root.append(words(corner.x + cell / 2, corner.y + cell / 2 + 0.35 * font, printed, look));
    });
  });

  const frame = { fill: "none", "stroke-width": 1 };
  const all = { x: left, y: top, width: columns * cell, height: rows * cell };
  root.append(svg("rect", { ...all, ...frame, stroke: colours.faint }));
  const mark = (r, c, height, breadth, colour, line) => {
    const place = { x: left + c * cell, y: top + r * cell };
    const size = { width: breadth * cell, height: height * cell };
    const look = { fill: "none", stroke: colour, "stroke-width": line };
    root.append(svg("rect", { ...place, ...size, ...look, class: "mark" }));
  };
  const line = clamp(cell / 8, 1, 2.5);
  for (const [r, c] of panel.outline ?? []) mark(r, c, 1, 1, colours.lines[2], line);
  if (panel.picked) mark(...panel.picked, 1, 1, colours.lines[3], line + 1);
  if (panel.box) {
    const [r0, c0, r1, c1] = panel.box;
    mark(r0, c0, r1 - r0, c1 - c0, colours.lines[2], 2);
  }

  if (panel.pick) {
    const go = (r, c) => act(panel.pick, [clamp(r, 0, rows - 1), clamp(c, 0, columns - 1)]);
    const at = (event) => {
      const box = root.getBoundingClientRect();
      const unit = width / box.width;
      const x = (event.clientX - box.left) * unit - left;
      const y = (event.clientY - box.top) * unit - top;
      return [Math.floor(y / cell), Math.floor(x / cell)];
    };
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    root.setAttribute("tabindex", 0);
    root.setAttribute("data-key", `pick ${panel.title}`);
    root.setAttribute("aria-label", `${panel.title}. Arrow keys move the chosen cell.`);
    root.classList.add("pickable");
    root.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      root.focus({ preventScroll: true }); // so that the arrow keys go on from here
      go(...at(event));
    });
    root.addEventListener("keydown", (event) => {
      if (!(event.key in moves)) return;
      event.preventDefault();
      const [r, c] = panel.picked ?? [0, 0];
      go(r + moves[event.key][0], c + moves[event.key][1]);
    });
  }
  return root;
}

// A map from the numbers of a picture to its drawing, and the way back.
function frameOf(panel, height, margin) {
  const [x0, x1] = panel.x ?? panel.range;
  const [y0, y1] = panel.y ?? panel.range;
  const width = WIDTH * (panel.size ?? 1);
  const w = width - margin.left - margin.right;
  const h = height - margin.top - margin.bottom;
  return {
    width,
    x: (value) => margin.left + ((value - x0) / (x1 - x0)) * w,
    y: (value) => margin.top + ((y1 - value) / (y1 - y0)) * h,
    back: (px, py) => [
      x0 + ((px - margin.left) / w) * (x1 - x0),
      y1 - ((py - margin.top) / h) * (y1 - y0),
    ],
  };
}

// Round steps for the ticks of an axis: 1, 2 or 5 times a power of ten, at most six of them.
function ticks(low, high) {
  const raw = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((k) => k * power >= raw) * power;
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) {
    found.push(Number((k * step).toPrecision(12)));
  }
  return found;
}

function arrow(from, to, colour, width, dashed) {
  const [x0, y0] = from;
  const [x1, y1] = to;
  const length = Math.hypot(x1 - x0, y1 - y0);
  const group = svg("g", {});
  if (length < 0.5) {
    group.append(svg("circle", { cx: x1, cy: y1, r: width, fill: colour }));
    return group;
  }
  const head = Math.min(length, 4 + 2 * width);
  const [ux, uy] = [(x1 - x0) / length, (y1 - y0) / length];
  const [bx, by] = [x1 - ux * head, y1 - uy * head];
  const dash = dashed ? "4 3" : undefined;
  const stroke = { stroke: colour, "stroke-width": width, "stroke-dasharray": dash };
  group.append(svg("line", { x1: x0, y1: y0, x2: bx, y2: by, ...stroke }));
  const side = 0.45 * head;
  const corners = [
    [x1, y1],
    [bx - uy * side, by + ux * side],
    [bx + uy * side, by - ux * side],
  ];
  group.append(svg("polygon", { points: corners.join(" "), fill: colour }));
  return group;
}

function handle(item, map, panel, act, root) {
  const [cx, cy] = [map.x(item.to[0]), map.y(item.to[1])];
  const spoken = `${number(item.to[0])}, ${number(item.to[1])}`;
  const key = `drag ${panel.title} ${item.drag}`;
  const grip = svg("circle", {
    cx, cy, r: 9, class: "handle", tabindex: 0, role: "slider", "data-key": key,
    "aria-label": `${panel.title}: ${item.label}`, "aria-valuetext": spoken,
    "aria-valuenow": Number(Math.hypot(...item.to).toFixed(3)),
  });
  const [low, high] = panel.range;
  const put = (x, y) => {
    const tidy = [x, y].map((value) => Number(clamp(value, low, high).toFixed(2)));
    act(item.drag, tidy);
  };
  grip.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    grip.focus({ preventScroll: true });
    const box = root.getBoundingClientRect();
    const unit = map.width / box.width;
    const move = (moved) => {
      const [px, py] = [(moved.clientX - box.left) * unit, (moved.clientY - box.top) * unit];
      put(...map.back(px, py));
    };
    const stop = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", stop);
      window.removeEventListener("pointercancel", stop);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", stop);
    window.addEventListener("pointercancel", stop);
  });
  const moves = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  grip.addEventListener("keydown", (event) => {
    if (!(event.key in moves)) return;
    event.preventDefault();
    const size = event.shiftKey ? 0.01 : 0.1;
    put(item.to[0] + size * moves[event.key][0], item.to[1] + size * moves[event.key][1]);
  });
  return grip;
}

function spot({ mark, size }, cx, cy, fill) {
  const r = size ?? 3;
  if (mark !== "square") return svg("circle", { cx, cy, r, fill, class: "spot" });
  const [side, x, y] = [1.8 * r, cx - 0.9 * r, cy - 0.9 * r];
  return svg("rect", { x, y, width: side, height: side, fill, class: "spot" });
}

function plane(panel, colours, act) {
  const size = WIDTH * (panel.size ?? 1);
  const map = frameOf(panel, size, { left: 2, right: 2, top: 2, bottom: 2 });
  const root = picture(size, size, panel.title, (panel.arrows ?? []).some((item) => item.drag));
  const [low, high] = panel.range;
  if (panel.heat) root.append(heat(panel.heat, panel.range, map, colours));
  for (const value of ticks(low, high)) {
    const look = { stroke: colours.faint, "stroke-width": value === 0 ? 1.4 : 0.5 };
    const [x, y] = [map.x(value), map.y(value)];
    root.append(svg("line", { x1: x, x2: x, y1: map.y(low), y2: map.y(high), ...look }));
    root.append(svg("line", { y1: y, y2: y, x1: map.x(low), x2: map.x(high), ...look }));
    if (value === 0) continue;
    const faint = { fill: colours.lines[7], "font-size": 8.5 };
    root.append(words(x, map.y(0) + 8, number(value, value % 1 ? 1 : 0), faint));
  }
  const unit = map.x(1) - map.x(0);
  if (panel.circle) {
    const look = { fill: "none", stroke: colours.lines[7], "stroke-dasharray": "2 3" };
    const at = { cx: map.x(0), cy: map.y(0), r: panel.circle * unit };
    root.append(svg("circle", { ...at, ...look }));
  }
  for (const item of panel.ellipses ?? []) {
    const [cx, cy] = [map.x(item.at[0]), map.y(item.at[1])];
    const [rx, ry] = item.radii.map((radius) => Math.max(0.5, radius * unit));
    const colour = colours.lines[item.color ?? 1];
    const look = { stroke: colour, fill: colour, "fill-opacity": 0.25 * (item.opacity ?? 1) };
    const turn = `rotate(${-(item.angle ?? 0)} ${cx} ${cy})`;
    root.append(svg("ellipse", { cx, cy, rx, ry, ...look, transform: turn }));
    if (item.label) root.append(words(cx, cy - ry - 3, item.label, { fill: colour }));
  }
  for (const item of panel.points ?? []) {
    const [cx, cy] = [map.x(item.at[0]), map.y(item.at[1])];
    const fill = colours.lines[item.color ?? 0];
    root.append(spot(item, cx, cy, fill));
    if (item.label) root.append(words(cx, cy - 6, item.label, { fill }));
  }
  for (const item of panel.arrows ?? []) {
    const from = item.from ?? [0, 0];
    const ends = [from, item.to].map(([x, y]) => [map.x(x), map.y(y)]);
    const colour = colours.lines[item.color ?? 0];
    root.append(arrow(...ends, colour, item.width ?? 2, item.dashed));
    const [dx, dy] = [ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]];
    const length = Math.hypot(dx, dy) || 1;
    const x = clamp(ends[1][0] + (11 * dx) / length, 8, size - 8);
    const y = clamp(ends[1][1] + (11 * dy) / length + 3.5, 10, size - 3);
    const look = { fill: colour, class: "halo", "font-weight": 600 };
    if (item.label) root.append(words(x, y, item.short ?? item.label, look));
  }
  for (const item of panel.arrows ?? []) {
    if (item.drag) root.append(handle(item, map, panel, act, root));
  }
  if (!panel.legend) return root;
  const key = legend(panel.legend, colours);
  if (panel.heat) key.append(heatKey(panel.heat, colours));
  return html("div", {}, root, key);
}

function legend(items, colours) {
  const list = html("ul", { class: "legend" });
  for (const item of items) {
    const colour = colours.lines[item.color ?? 0];
    const look = {
      x1: 0, x2: 24, y1: 5, y2: 5, stroke: colour,
      "stroke-width": item.width ?? 2, "stroke-dasharray": item.dashed ? "4 3" : undefined,
    };
    let sign = svg("line", look);
    if (item.mark === "arrow") sign = arrow([2, 5], [22, 5], colour, 1);
    if (item.mark === "disc" || item.mark === "square") sign = spot(item, 12, 5, colour);
    const size = { width: 24, height: 10, "aria-hidden": "true" };
    list.append(html("li", {}, svg("svg", size, sign), ` ${item.label}`));
  }
  return list;
}

function curve(panel, colours) {
  const height = panel.height ?? 170;
  const map = frameOf(panel, height, { left: 32, right: 8, top: 6, bottom: 30 });
  const root = picture(height, map.width, panel.title);
  const [x0, x1] = panel.x;
  const [y0, y1] = panel.y;
  const text = { fill: colours.ink, "font-size": 9.5 };
  const grid = { stroke: colours.faint, "stroke-width": 0.5 };
  const decimals = (values) => {
    if (values.every(Number.isInteger)) return 0;
    return values[1] - values[0] < 0.1 ? 2 : 1;
  };
  for (const value of ticks(x0, x1)) {
    const x = map.x(value);
    root.append(svg("line", { x1: x, x2: x, y1: map.y(y0), y2: map.y(y1), ...grid }));
    root.append(words(x, map.y(y0) + 10, number(value, decimals(ticks(x0, x1))), text));
  }
  for (const value of ticks(y0, y1)) {
    const y = map.y(value);
    root.append(svg("line", { x1: map.x(x0), x2: map.x(x1), y1: y, y2: y, ...grid }));
    const place = { ...text, "text-anchor": "end" };
    root.append(words(map.x(x0) - 3, y + 3, number(value, decimals(ticks(y0, y1))), place));
  }
  root.append(words((map.x(x0) + map.x(x1)) / 2, height - 4, panel.xlabel ?? "", text));
  const turned = { ...text, transform: `rotate(-90 8 ${height / 2 - 12})` };
  root.append(words(8, height / 2 - 12, panel.ylabel ?? "", turned));
  for (const line of panel.lines) {
    const inside = line.points.filter(([x, y]) => x >= x0 && x <= x1 && y >= y0 && y <= y1);
    root.append(svg("polyline", {
      points: inside.map(([x, y]) => [map.x(x), map.y(y)]).join(" "),
      fill: "none", stroke: colours.lines[line.color ?? 0], "stroke-width": line.width ?? 2,
      "stroke-dasharray": line.dashed ? "4 3" : undefined,
    }));
  }
  for (const dot of panel.dots ?? []) {
    if (dot.at[0] < x0 || dot.at[0] > x1) continue;
    const [cx, cy] = [map.x(dot.at[0]), map.y(clamp(dot.at[1], y0, y1))];
    const fill = colours.lines[dot.color ?? 2];
    root.append(svg("circle", { cx, cy, r: 4, fill }));
    const side = cx > map.width / 2 ? { "text-anchor": "end" } : { "text-anchor": "start" };
    const x = cx + (cx > map.width / 2 ? -7 : 7);
    if (dot.label) root.append(words(x, cy - 5, dot.label, { ...side, fill, class: "halo" }));
  }
  return html("div", {}, root, legend(panel.lines.filter((line) => line.label), colours));
}

function bars(panel, colours) {
  const width = WIDTH * (panel.size ?? 1);
  const left = 6.6 * Math.max(...panel.labels.map((label) => String(label).length)) + 8;
  const row = 16;
  const root = picture(row * panel.values.length + 2, width, panel.title);
  const low = Math.min(0, panel.min ?? 0);
  const right = width - 36; // room for a number
  const start = left + (low < 0 ? 28 : 0);
  const place = (value) =>
    start + ((clamp(value, low, panel.max) - low) / (panel.max - low || 1)) * (right - start);
  panel.values.forEach((value, k) => {
    const y = k * row + 2;
    const chosen = (panel.highlight ?? []).includes(k);
    const fill = colours.lines[chosen ? 2 : 1];
    const look = { fill: colours.ink, "font-weight": chosen ? 700 : 400 };
    const [from, to] = [place(Math.min(0, value)), place(Math.max(0, value))];
    root.append(words(left - 4, y + 10.5, panel.labels[k], { ...look, "text-anchor": "end" }));
    root.append(svg("rect", { x: from, y, width: to - from, height: row - 4, fill }));
    const [x, anchor] = value < 0 ? [from - 3, "end"] : [to + 3, "start"];
    const text = number(value, panel.digits ?? 2);
    root.append(words(x, y + 10, text, { ...look, "text-anchor": anchor, "font-size": 10 }));
  });
  if (low < 0) {
    const zero = { x1: place(0), x2: place(0), y1: 0, y2: row * panel.values.length };
    root.append(svg("line", { ...zero, stroke: colours.lines[7] }));
  }
  return root;
}

// Pixels travel as base64: one byte each, or three for red, green and blue.
function image(panel, colours) {
  const { height, width, title } = panel;
  const bytes = Uint8Array.from(atob(panel.bytes), (letter) => letter.charCodeAt(0));
  const channels = bytes.length / (height * width);
  const canvas = html("canvas", { width, height });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  for (let k = 0; k < height * width; k += 1) {
    for (let c = 0; c < 3; c += 1) pixels.data[4 * k + c] = bytes[k * channels + (c % channels)];
    pixels.data[4 * k + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  const root = picture(height, width, title);
  root.append(svg("image", { width, height, href: canvas.toDataURL(), class: "pixels" }));
  if (panel.box) {
    const [r0, c0, r1, c1] = panel.box;
    const place = { x: c0, y: r0, width: c1 - c0, height: r1 - r0 };
    const look = { fill: "none", stroke: colours.lines[2], "stroke-width": width / 60 };
    root.append(svg("rect", { ...place, ...look, class: "mark" }));
  }
  return root;
}

function text(panel) {
  return html("p", { class: "formula" }, panel.text);
}

export const KINDS = { matrix, image, plane, curve, bars, text };

export function draw(panel, colours, act) {
  const body = KINDS[panel.kind](panel, colours, act);
  const title = html("figcaption", {}, panel.title);
  const size = `--size: ${panel.size ?? 1}`;
  return html("figure", { class: "panel", "data-kind": panel.kind, style: size }, title, body);
}
