// Dynamic routing by agreement (Sabour, Frosst & Hinton 2017, procedure 1), one image.
// state: votes [i][j][2], iterations, axis ("parents", or "children", which is the mistake).

const sum = (values) => values.reduce((total, value) => total + value, 0);
const dot = (a, b) => sum(a.map((value, k) => value * b[k]));

function softmax(values) {
  const top = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - top));
  const total = sum(powers);
  return powers.map((value) => value / total);
}

const turn = (rows) => rows[0].map((_, k) => rows.map((row) => row[k]));

function squash(s) {
  const length = Math.hypot(...s);
  return s.map((value) => (value * length) / (1 + length * length));
}

function route({ votes, iterations, axis }) {
  const parents = votes[0].map((_, j) => j);
  let logits = votes.map(() => parents.map(() => 0));
  return Array.from({ length: iterations }, () => {
    const couplings =
      axis === "children" ? turn(turn(logits).map(softmax)) : logits.map(softmax);
    const totals = parents.map((j) =>
      votes[0][0].map((_, d) => sum(votes.map((vote, i) => couplings[i][j] * vote[j][d]))),
    );
    const poses = totals.map(squash);
    const step = { logits, couplings, totals, poses };
    logits = logits.map((row, i) => row.map((b, j) => b + dot(votes[i][j], poses[j])));
    return step;
  });
}

function told(steps, t, axis) {
  const { couplings, poses } = steps[t];
  const lengths = poses.map((pose) => Math.hypot(...pose).toFixed(2));
  const made = `The parents' poses have lengths ${lengths.join(" and ")}.`;
  if (axis === "children") {
    const given = couplings.map((row) => sum(row).toFixed(2));
    return (
      "Wrong axis: the children compete for each parent, and the parents no longer compete " +
      `for the children, who give away ${given.join(", ")} in all, not 1 each. ${made}`
    );
  }
  if (t === 0) return `Nobody knows anything: each child divides itself evenly. ${made}`;
  const moves = couplings.map((row, i) => {
    const before = steps[t - 1].couplings[i];
    const best = row.reduce((top, c, j) => (c - before[j] > row[top] - before[top] ? j : top), 0);
    const gain = row[best] - before[best];
    if (gain < 0.005) return `child ${i} stays`;
    return `child ${i} moves to parent ${best} (+${gain.toFixed(2)})`;
  });
  return `By agreement with the poses of the step before, ${moves.join(", ")}. ${made}`;
}

function view(steps, t, state) {
  const { logits, couplings, totals, poses } = steps[t];
  const { votes, axis } = state;
  const children = votes.map((_, i) => `child ${i}`);
  const parents = poses.map((_, j) => `parent ${j}`);
  const reach = Math.max(2, ...votes.flat(2).map((value) => Math.abs(value) + 0.2));
  const planes = parents.map((parent, j) => ({
    kind: "plane", title: `votes for ${parent} and its pose v`, range: [-reach, reach], circle: 1,
    arrows: [
      ...children.map((child, i) => ({
        to: votes[i][j], label: `vote of ${child} for ${parent}`, short: `${i}`,
        color: [1, 4, 3, 6][i % 4], width: 0.8 + 3.2 * couplings[i][j], drag: ["votes", i, j],
      })),
      { to: poses[j], label: `pose of ${parent}`, short: "v", color: 0, width: 2.5 },
    ],
  }));
  const rows = children.flatMap((child, i) =>
    parents.map((parent, j) => [
      `${child}, ${parent}`, ...votes[i][j], logits[i][j], couplings[i][j],
    ]),
  );
  const ends = parents.flatMap((parent, j) => [
    [`${parent}: total`, ...totals[j], "", ""],
    [`${parent}: pose`, ...poses[j], "", ""],
  ]);
  return {
    label: `iteration ${t + 1} of ${steps.length}`,
    caption: told(steps, t, axis),
    panels: [
      ...planes,
      {
        kind: "matrix", title: "couplings", rows: children, columns: parents, values: couplings,
        scale: "sequential", min: 0, max: 1, digits: 2,
      },
      {
        kind: "bars", title: "what each child gives away in all", labels: children,
        values: couplings.map(sum), max: parents.length, digits: 2,
        highlight: couplings.flatMap((row, i) => (Math.abs(sum(row) - 1) > 0.005 ? [i] : [])),
      },
      {
        kind: "bars", title: "length of each parent's pose", labels: parents,
        values: poses.map((pose) => Math.hypot(...pose)), max: 1, digits: 2,
      },
    ],
    table: { head: ["", "x", "y", "logit", "coupling"], rows: [...rows, ...ends] },
  };
}

export const routing = { compute: route, view };
