// A transposed convolution of a small image, painted one input after the other.
// state: x [h][w], image ("given", or "ones" for all 1 instead of x), kernel (its size), stride,
// padding, output_padding, weights (a pattern's name), input and output ([row, column] of the
// cells that the reader has chosen).
// trace.random: a table of weights, of which a kernel takes the corner.

const indices = (count) => Array.from({ length: count }, (_, k) => k);
const gridOf = (h, w, value) => indices(h).map((r) => indices(w).map((c) => value(r, c)));
const atMost = (low, value, high) => Math.min(high, Math.max(low, value));

const PATTERNS = {
  counting: (k) => gridOf(k, k, (r, c) => k * r + c + 1),
  ones: (k) => gridOf(k, k, () => 1),
  tent: (k) => {
    const side = indices(k).map((r) => 1 - Math.abs(r - (k - 1) / 2) / Math.ceil(k / 2));
    return gridOf(k, k, (r, c) => side[r] * side[c]);
  },
  random: (k, table) => gridOf(k, k, (r, c) => table[r][c]),
};

const cellsOf = ({ image, x }) => (image === "ones" ? x.map((row) => row.map(() => 1)) : x);
const weightsOf = (state, trace) => PATTERNS[state.weights](state.kernel, trace.random);

function sizeAlong(cells, state) {
  const { kernel, stride, padding, output_padding: more } = state;
  return stride * (cells - 1) + kernel - 2 * padding + more;
}

const sizeOf = (state) => [sizeAlong(state.x.length, state), sizeAlong(state.x[0].length, state)];

// Which weight leads from input (i, j) to output (r, c): its place in the kernel, or null.
function placeInKernel([i, j], [r, c], { kernel, stride, padding }) {
  const [k, l] = [r + padding - stride * i, c + padding - stride * j];
  return k >= 0 && k < kernel && l >= 0 && l < kernel ? [k, l] : null;
}

const inputsOf = ({ x }) => x.flatMap((row, i) => row.map((_, j) => [i, j]));

// What one input adds to the output.
function paintOf([i, j], state, weights) {
  const value = cellsOf(state)[i][j];
  return gridOf(...sizeOf(state), (r, c) => {
    const place = placeInKernel([i, j], [r, c], state);
    return place ? value * weights[place[0]][place[1]] : 0;
  });
}

function paintOneByOne(state, trace) {
  const weights = weightsOf(state, trace);
  let output = gridOf(...sizeOf(state), () => 0);
  return inputsOf(state).map((input) => {
    const paint = paintOf(input, state, weights);
    output = output.map((row, r) => row.map((value, c) => value + paint[r][c]));
    return { output };
  });
}

// Each input becomes a block of stride × stride; then the same kernel reads, with stride 1,
// and the border is filled with zeros so that the size stays.
function upsampleAndConvolve(state, weights) {
  const { kernel, stride } = state;
  const x = cellsOf(state);
  const before = Math.floor((kernel - 1) / 2);
  const pixel = (r, c) => x[Math.floor(r / stride)]?.[Math.floor(c / stride)] ?? 0;
  return gridOf(stride * x.length, stride * x[0].length, (r, c) => {
    let total = 0;
    weights.forEach((row, k) => {
      row.forEach((weight, l) => {
        total += weight * pixel(r + k - before, c + l - before);
      });
    });
    return total;
  });
}

// Clamped in this order, because each bound depends on what is above it.
function allowed(state) {
  const output_padding = atMost(0, state.output_padding, state.stride - 1);
  const shorter = Math.min(state.x.length, state.x[0].length);
  const uncut = sizeAlong(shorter, { ...state, padding: 0, output_padding });
  const most = Math.min(state.kernel - 1, Math.floor((uncut - 1) / 2));
  const next = { ...state, output_padding, padding: atMost(0, state.padding, most) };
  const [height, width] = sizeOf(next);
  const [r, c] = state.output;
  return { ...next, output: [atMost(0, r, height - 1), atMost(0, c, width - 1)] };
}

function panelOf(title, values, more = {}, scaledLike = values) {
  const all = scaledLike.flat();
  const top = Math.max(1e-9, ...all.map(Math.abs));
  const whole = values.flat().every((value) => Number.isInteger(value));
  const range = Math.min(...all) < 0
    ? { scale: "diverging", min: -top, max: top }
    : { scale: "sequential", min: 0, max: top };
  const digits = values[0].length > 16 ? null : whole ? 0 : values[0].length > 8 ? 1 : 2;
  return { kind: "matrix", title, values, ...range, digits, ...more };
}

// The window that an input paints, as far as it lies within the output.
function windowOf([i, j], state) {
  const [height, width] = sizeOf(state);
  const [top, left] = [state.stride * i - state.padding, state.stride * j - state.padding];
  const [r0, c0] = [Math.max(0, top), Math.max(0, left)];
  const r1 = Math.min(height, top + state.kernel);
  const c1 = Math.min(width, left + state.kernel);
  return r0 < r1 && c0 < c1 ? [r0, c0, r1, c1] : null;
}

const spoken = ([r, c]) => `(${r}, ${c})`;
const rounded = (value) => String(Number(value.toFixed(2))).replace("-", "−");

function showPainting(steps, t, state, trace) {
  const weights = weightsOf(state, trace);
  const { kernel, stride, input, output } = state;
  const x = cellsOf(state);
  const inputs = inputsOf(state);
  const [height, width] = sizeOf(state);
  const current = inputs[t];
  const last = steps[steps.length - 1].output;
  const reaching = inputs.flatMap((from) => {
    const place = placeInKernel(from, output, state);
    return place ? [{ from, place, weight: weights[place[0]][place[1]] }] : [];
  });
  const ways = gridOf(x.length, x[0].length, (i, j) => {
    const place = placeInKernel([i, j], output, state);
    return place ? weights[place[0]][place[1]] : 0;
  });
  const counts = gridOf(height, width, (r, c) => {
    return inputs.filter((from) => placeInKernel(from, [r, c], state)).length;
  });
  const rowsOfC = inputs.map((from) => {
    return gridOf(height, width, (r, c) => {
      const place = placeInKernel(from, [r, c], state);
      return place ? weights[place[0]][place[1]] : 0;
    }).flat();
  });
  const row = input[0] * x[0].length + input[1];
  const column = output[0] * width + output[1];
  const even = kernel % stride === 0;
  const product = ({ from: [i, j], weight }) => x[i][j] * weight;
  const total = reaching.reduce((value, item) => value + product(item), 0);
  const window = windowOf(current, state);
  const sum = reaching.map((item) => {
    return `${rounded(x[item.from[0]][item.from[1]])}·${rounded(item.weight)}`;
  });
  return {
    label: `input ${t + 1} of ${steps.length}`,
    caption:
      `Input ${spoken(current)} is ${rounded(x[current[0]][current[1]])}. It paints that many times ` +
      `the kernel${window ? " into the framed window" : ", all of it cut off"}, on top of what is ` +
      `there. The chosen output ${spoken(output)} is reached by ${reaching.length} of ` +
      `${inputs.length} inputs` +
      (reaching.length ? `: ${sum.join(" + ")} = ${rounded(total)} in the end.` : "."),
    panels: [
      panelOf("input: choose a cell", x, { pick: "input", picked: input, outline: [current] }),
      panelOf("kernel, used where framed", weights, {
        outline: reaching.map((item) => item.place),
      }),
      panelOf(
        `output, ${height}×${width}: choose a cell`,
        steps[t].output,
        { pick: "output", picked: output, box: window ?? undefined },
        last,
      ),
      panelOf("weights to the chosen output", ways, {}, weights),
      panelOf("what the chosen input paints", paintOf(input, state, weights), {}, last),
      panelOf(`inputs per output: ${even ? "even inside" : "uneven"}`, counts),
      panelOf(`upsampled ×${stride} and convolved`, upsampleAndConvolve(state, weights)),
      panelOf("Cᵀ on its side: inputs are rows, outputs columns", rowsOfC, {
        size: 2,
        digits: width * height > 30 ? null : undefined,
        box: [row, 0, row + 1, width * height],
        outline: inputs.map((_, k) => [k, column]),
      }),
    ],
    table: {
      head: [`into output ${spoken(output)}`, "input", "weight", "product"],
      rows: [
        ...reaching.map((item) => [
          `from input ${spoken(item.from)}`, x[item.from[0]][item.from[1]], item.weight, product(item),
        ]),
        ["sum", "", "", total],
      ],
    },
  };
}

export const transposed_convolution = {
  compute: paintOneByOne,
  view: showPainting,
  constrain: allowed,
};
