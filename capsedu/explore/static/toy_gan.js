// Two tiny networks in a game in the plane; what capsedu/explore/toy_gan.py does with autograd
// is written out here. state: data (which real points); moves, a text with a D or a G for each
// step. trace: real { data: [b][2] }, noise [b][2], generator and discriminator (their first
// weights), rates, range (of the picture), pull (how long an arrow is, at most how long).

import { number } from "./elements.js";

const GRID = 30; // cells along a side of the plane
const BOTH = ["discriminator", "generator"];

const sum = (values) => values.reduce((total, value) => total + value, 0);
const mean = (values) => sum(values) / values.length;
const each = (count, make) => Array.from({ length: count }, (_, k) => make(k));
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))); // -log sigmoid(-x)

// x [inputs] -> { hidden [hidden], out [outputs] }
function forward({ weight1, bias1, weight2, bias2 }, x) {
  const hidden = bias1.map((bias, k) => Math.tanh(bias + sum(x.map((v, i) => v * weight1[i][k]))));
  const out = bias2.map((bias, o) => bias + sum(hidden.map((h, k) => h * weight2[k][o])));
  return { hidden, out };
}

// The loss's slope by each weight, summed over the points, and by each point, from its slope by
// each output.
function backward(network, points, hiddens, slopes) {
  const { weight1, weight2 } = network;
  const byHidden = points.map((_, n) =>
    hiddens[n].map((h, k) => (1 - h * h) * sum(slopes[n].map((s, o) => s * weight2[k][o]))),
  );
  const total = (value) => sum(points.map((_, n) => value(n)));
  const weights = {
    weight1: weight1.map((row, i) => row.map((_, k) => total((n) => points[n][i] * byHidden[n][k]))),
    bias1: network.bias1.map((_, k) => total((n) => byHidden[n][k])),
    weight2: weight2.map((row, k) => row.map((_, o) => total((n) => hiddens[n][k] * slopes[n][o]))),
    bias2: network.bias2.map((_, o) => total((n) => slopes[n][o])),
  };
  const byPoint = byHidden.map((slope) =>
    weight1.map((row) => sum(row.map((weight, k) => weight * slope[k]))),
  );
  return { weights, points: byPoint };
}

function descended(weights, slopes, rate) {
  if (!Array.isArray(weights)) return weights - rate * slopes;
  return weights.map((weight, k) => descended(weight, slopes[k], rate));
}

function stepped(network, slopes, rate) {
  const names = Object.keys(network);
  return Object.fromEntries(
    names.map((name) => [name, descended(network[name], slopes[name], rate)]),
  );
}

// One moment of the game: who the players are, and what follows from that.
function moment(move, generator, discriminator, real, noise) {
  const fakes = noise.map((z) => forward(generator, z).out);
  const ofReal = real.map((x) => forward(discriminator, x).out[0]);
  const judged = fakes.map((x) => forward(discriminator, x));
  const ofFakes = judged.map(({ out }) => out[0]);
  // minus the slope of each fake's own loss, softplus(-logit)
  const wanted = ofFakes.map((logit) => [sigmoid(-logit)]);
  return {
    move, generator, discriminator, fakes,
    pulls: backward(discriminator, fakes, judged.map(({ hidden }) => hidden), wanted).points,
    losses: {
      discriminator: mean(ofReal.map((x) => softplus(-x))) + mean(ofFakes.map(softplus)),
      generator: mean(ofFakes.map((x) => softplus(-x))),
    },
    says: { real: mean(ofReal.map(sigmoid)), fakes: mean(ofFakes.map(sigmoid)) },
  };
}

function discriminatorStep({ generator, discriminator, fakes }, real, noise, rate) {
  const points = [...real, ...fakes];
  const judged = points.map((x) => forward(discriminator, x));
  const slopes = judged.map(({ out: [logit] }, n) => [
    n < real.length ? -sigmoid(-logit) / real.length : sigmoid(logit) / noise.length,
  ]);
  const hiddens = judged.map(({ hidden }) => hidden);
  const { weights } = backward(discriminator, points, hiddens, slopes);
  return moment("D", generator, stepped(discriminator, weights, rate), real, noise);
}

function generatorStep({ generator, discriminator, pulls }, real, noise, rate) {
  const slopes = pulls.map((pull) => pull.map((value) => -value / noise.length));
  const hiddens = noise.map((z) => forward(generator, z).hidden);
  const { weights } = backward(generator, noise, hiddens, slopes);
  return moment("G", stepped(generator, weights, rate), discriminator, real, noise);
}

const known = new WeakMap(); // by trace, the last game; a press changes only its end

function game({ data, moves }, trace) {
  const { noise, rates } = trace;
  const real = trace.real[data];
  const last = known.get(trace);
  const same = last?.data === data;
  const steps = same
    ? last.steps.slice(0, 1 + common(last.moves, moves))
    : [moment("", trace.generator, trace.discriminator, real, noise)];
  for (const move of moves.slice(steps.length - 1)) {
    const now = steps.at(-1);
    if (move === "D") steps.push(discriminatorStep(now, real, noise, rates.discriminator));
    else steps.push(generatorStep(now, real, noise, rates.generator));
  }
  known.set(trace, { data, moves, steps });
  return steps;
}

// How many letters two texts begin with in common.
function common(one, other) {
  const differs = [...one].findIndex((letter, k) => letter !== other[k]);
  return differs === -1 ? one.length : differs;
}

function told(steps, t, state, outside) {
  const { move, says } = steps[t];
  const [real, fakes] = [says.real.toFixed(2), says.fakes.toFixed(2)];
  const away = outside ? ` Outside the picture: ${outside} of the fakes.` : "";
  if (t === 0) {
    return (
      `Nothing is learned yet: the discriminator gives the real points ${real} and the fakes ` +
      `${fakes}. Play the recording, or make steps yourself, from any step on.`
    );
  }
  const count = [...state.moves.slice(0, t)].filter((made) => made === move).length;
  if (move === "D") {
    return (
      `Discriminator step ${count}: it now gives the real points ${real} and the fakes ${fakes} ` +
      `on average.${away}`
    );
  }
  const before = steps[t - 1].says.fakes.toFixed(2);
  return (
    `Generator step ${count}: the arrows moved the fakes; they are now given ${fakes} on ` +
    `average (before: ${before}).${away}`
  );
}

function board(step, state, trace) {
  const [low, high] = trace.range;
  const inside = (point) => point.every((value) => value > low && value < high);
  const place = (k) => low + ((k + 0.5) / GRID) * (high - low);
  const says = (x, y) => sigmoid(forward(step.discriminator, [x, y]).out[0]);
  const arrows = step.fakes.flatMap((from, n) => {
    const { scale, most } = trace.pull;
    const long = scale * Math.hypot(...step.pulls[n]);
    const share = scale * Math.min(1, most / (long || 1));
    const to = from.map((value, d) => value + share * step.pulls[n][d]);
    return inside(from) && inside(to) ? [{ from, to, color: 2, width: 0.8 }] : [];
  });
  const real = trace.real[state.data].map((at) => ({ at, color: 1 }));
  const fakes = step.fakes.filter(inside).map((at) => ({ at, color: 2, mark: "square" }));
  return {
    kind: "plane", title: "the game", size: 1.5, range: trace.range, arrows,
    points: [...real, ...fakes],
    heat: {
      values: each(GRID, (r) => each(GRID, (c) => says(place(c), place(GRID - 1 - r)))),
      scale: "diverging", min: 1, max: 0, level: 0.5, label: "discriminator's probability",
    },
    legend: [
      { label: "real", color: 1, mark: "disc" },
      { label: "fake", color: 2, mark: "square" },
      { label: `its pull (×${trace.pull.scale}, at most ${trace.pull.most})`, color: 2, mark: "arrow" },
      { label: "probability ½", mark: "line", width: 1.2 },
    ],
  };
}

function lossCurves(steps, t) {
  const looks = { discriminator: { color: 3 }, generator: { color: 6, dashed: true } };
  const right = Math.max(20, steps.length - 1);
  const highest = Math.max(...steps.flatMap((step) => Object.values(step.losses)));
  const even = { discriminator: 2 * Math.log(2), generator: Math.log(2) };
  const lines = BOTH.map((name) => ({
    label: `${name}'s loss`, ...looks[name],
    points: steps.slice(0, t + 1).map((step, k) => [k, step.losses[name]]),
  }));
  const flat = BOTH.map((name, k) => ({
    label: k ? undefined : "the losses at probability ½ everywhere", color: 7, width: 1,
    points: [[0, even[name]], [right, even[name]]],
  }));
  const dots = BOTH.map((name) => ({ at: [t, steps[t].losses[name]], color: looks[name].color }));
  return {
    kind: "curve", title: "the losses", size: 1.5, height: 270, xlabel: "step",
    x: [0, right], y: [0, Math.min(8, Math.max(2, Math.ceil(highest)))],
    lines: [...flat, ...lines], dots,
  };
}

function view(steps, t, state, trace) {
  const step = steps[t];
  const [low, high] = trace.range;
  const outside = step.fakes.filter((x) => x.some((v) => v <= low || v >= high)).length;
  const count = trace.noise.length;
  const real = trace.real[state.data];
  const middle = (points, d) => mean(points.map((point) => point[d]));
  const spread = (points, d) =>
    Math.sqrt(mean(points.map((point) => (point[d] - middle(points, d)) ** 2)));
  const row = (name, of) => [name, of(real, step.says.real), of(step.fakes, step.says.fakes)];
  return {
    label: `step ${t} of ${steps.length - 1}`,
    caption: told(steps, t, state, outside),
    // What is drawn is made when it is asked for: there are many steps, and few are looked at.
    get panels() {
      return [board(step, state, trace), lossCurves(steps, t)];
    },
    get table() {
      return {
        head: ["", "real", "fake"],
        rows: [
          row("probability of being real, mean", (_, says) => says),
          row("mean of x", (points) => middle(points, 0)),
          row("mean of y", (points) => middle(points, 1)),
          row("standard deviation of x", (points) => spread(points, 0)),
          row("standard deviation of y", (points) => spread(points, 1)),
          ["mean length of the pull", "", mean(step.pulls.map((pull) => Math.hypot(...pull)))],
          ["outside the picture", "", `${outside} of ${count}`],
          ["discriminator's loss", number(step.losses.discriminator, 3), ""],
          ["generator's loss", number(step.losses.generator, 3), ""],
        ],
      };
    },
  };
}

export const toy_gan = { compute: game, view };
