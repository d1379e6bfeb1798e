// EM routing (Hinton, Sabour & Frosst 2018, procedure 1), one image, with beta_u = 0.
// state: votes [i][j][2]; a0, a1, … the children's activations; scale, what the inverse
// temperature is multiplied by. trace: temperatures [t], bias (beta_a), floor (of a variance),
// nothing (a parent that receives less has no votes to average).

import { number } from "./elements.js";

const sum = (values) => values.reduce((total, value) => total + value, 0);
const each = (count, make) => Array.from({ length: count }, (_, k) => make(k));

function softmax(values) {
  const top = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - top));
  const total = sum(powers);
  return powers.map((value) => value / total);
}

// log of the logistic function, which neither overflows nor becomes -Infinity too early
function logSigmoid(x) {
  return Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));
}

const presence = (state) => state.votes.map((_, i) => state[`a${i}`]);

function mStep(votes, weights, t, scale, trace) {
  const parents = votes[0].map((_, j) => {
    const received = sum(weights.map((row) => row[j]));
    const shares = weights.map((row) => row[j] / Math.max(received, trace.nothing));
    const average = (values) => sum(values.map((value, i) => shares[i] * value));
    const mean = [0, 1].map((d) => average(votes.map((vote) => vote[j][d])));
    const variance = [0, 1].map(
      (d) => average(votes.map((vote) => (vote[j][d] - mean[d]) ** 2)) + trace.floor,
    );
    const cost = received * sum(variance.map((value) => 0.5 * Math.log(value)));
    return { mean, variance, cost, logit: trace.temperatures[t] * scale * (trace.bias - cost) };
  });
  return {
    means: parents.map((parent) => parent.mean),
    variances: parents.map((parent) => parent.variance),
    costs: parents.map((parent) => parent.cost),
    activations: parents.map((parent) => Math.exp(logSigmoid(parent.logit))),
    logits: parents.map((parent) => parent.logit),
  };
}

function eStep(votes, { means, variances, logits }) {
  return votes.map((vote) =>
    softmax(
      means.map((mean, j) => {
        const terms = mean.map((value, d) => {
          const spread = variances[j][d];
          return (vote[j][d] - value) ** 2 / (2 * spread) + 0.5 * Math.log(spread);
        });
        return logSigmoid(logits[j]) - sum(terms);
      }),
    ),
  );
}

function route(state, trace) {
  const { votes } = state;
  const active = presence(state);
  const even = 1 / votes[0].length;
  let assignments = votes.map((vote) => vote.map(() => even));
  const steps = [{ half: "start", assignments }];
  trace.temperatures.forEach((_, t) => {
    const weights = assignments.map((row, i) => row.map((share) => share * active[i]));
    const fitted = mStep(votes, weights, t, Number(state.scale), trace);
    steps.push({ half: "M", assignments, ...fitted });
    if (t === trace.temperatures.length - 1) return;
    assignments = eStep(votes, fitted);
    steps.push({ half: "E", assignments, ...fitted });
  });
  return steps;
}

function told(steps, t, state, trace) {
  const { half, assignments, variances, costs, activations } = steps[t];
  if (half === "start") {
    const share = assignments[0][0].toFixed(2);
    return `Nobody knows anything: each child gives ${share} of itself to each parent.`;
  }
  if (half === "M") {
    const { scale } = state;
    const active = presence(state);
    const dead = variances.flatMap((_, j) => {
      const received = sum(assignments.map((row, i) => row[j] * active[i]));
      return received < trace.nothing ? [`parent ${j} receives next to nothing`] : [];
    });
    const lambda = trace.temperatures[(t - 1) / 2] * scale;
    const found = variances.map((variance, j) => {
      const [x, y] = variance.map((value) => Math.sqrt(value).toFixed(2));
      const cost = `cost ${number(costs[j])}`;
      return `parent ${j}: σ ${x} and ${y}, ${cost}, active ${activations[j].toFixed(2)}`;
    });
    return (
      "Each parent becomes the Gaussian of the votes given to it, and is active if its cost is " +
      `below ${number(trace.bias)} nats. λ is ${Number(lambda.toPrecision(3))}; ${[...found, ...dead].join("; ")}.`
    );
  }
  const moves = assignments.map((row, i) => {
    const before = steps[t - 1].assignments[i];
    const best = row.reduce((top, r, j) => (r - before[j] > row[top] - before[top] ? j : top), 0);
    const gain = row[best] - before[best];
    if (gain < 0.005) return `child ${i} stays`;
    return `child ${i} moves to parent ${best} (+${gain.toFixed(2)})`;
  });
  return (
    "Each child asks which parent explains its vote, in standard deviations from the mean, and " +
    `which is active: ${moves.join(", ")}.`
  );
}

function planeOf(step, j, state, trace) {
  const { means, variances, activations, assignments } = step;
  const active = presence(state);
  const arrows = state.votes.map((vote, i) => {
    const to = vote[j];
    const weight = assignments[i][j] * active[i];
    return {
      to, from: means ? means[j] : [to[0], to[1] - 1e-3], // a dot, with its name above
      label: `vote of child ${i} for parent ${j}`, short: `${i}`, color: [1, 4, 3, 6][i % 4],
      width: 0.6 + 3.4 * weight, dashed: active[i] === 0, drag: ["votes", i, j],
    };
  });
  const panel = {
    kind: "plane", title: `votes for parent ${j}`, range: trace.range, arrows,
  };
  if (!means) return panel;
  const radii = variances[j].map(Math.sqrt);
  const gaussian = { at: means[j], radii, color: 7, opacity: 0.4 + 1.6 * activations[j] };
  return { ...panel, ellipses: [gaussian], points: [{ at: means[j], color: 0 }] };
}

function view(steps, t, state, trace) {
  const step = steps[t];
  const { assignments, means, variances, costs, activations } = step;
  const children = state.votes.map((_, i) => `child ${i}`);
  const parents = state.votes[0].map((_, j) => `parent ${j}`);
  const active = presence(state);
  const count = trace.temperatures.length;
  const label =
    step.half === "start" ? "start" : `${step.half}-step ${Math.ceil(t / 2)} of ${count}`;
  const reach = Math.max(1, ...steps.flatMap((each) => each.costs ?? []).map(Math.abs));
  const nothing = parents.map(() => 0);
  const rows = children.flatMap((child, i) =>
    parents.map((parent, j) => [
      `${child}, ${parent}`, ...state.votes[i][j], assignments[i][j],
      assignments[i][j] * active[i], "", "", "", "",
    ]),
  );
  const ends = (means ?? []).map(([x, y], j) => {
    const [wide, high] = variances[j].map(Math.sqrt);
    return [parents[j], x, y, "", "", wide, high, costs[j], activations[j]];
  });
  return {
    label,
    caption: told(steps, t, state, trace),
    panels: [
      ...each(parents.length, (j) => planeOf(step, j, state, trace)),
      {
        kind: "matrix", title: "assignments r", rows: children, columns: parents,
        values: assignments, scale: "sequential", min: 0, max: 1, digits: 2,
      },
      {
        kind: "bars", title: "cost of each parent (nats)", labels: parents,
        values: costs ?? nothing, min: -1.3 * reach, max: reach, digits: 2, // room for a number
      },
      {
        kind: "bars", title: "activation of each parent", labels: parents,
        values: activations ?? nothing, max: 1, digits: 2,
      },
    ],
    table: {
      head: ["", "x", "y", "assignment", "weight", "σ of x", "σ of y", "cost", "activation"],
      rows: [...rows, ...ends],
    },
  };
}

export const em_routing = { compute: route, view };
