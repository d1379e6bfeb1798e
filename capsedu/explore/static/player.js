// Shows a trace step by step: buttons, slider, pictures, a caption, and the numbers in a table.
// An explorer is { compute(state, trace) -> steps, view(steps, t, state, trace) -> frame,
// constrain(state) -> state }; `frames` below is the one whose steps are frames already.

import { html, number } from "./elements.js";
import { draw } from "./panels.js";
import { pageIsDark, theme, whenThemeChanges } from "./themes.js";

const PAUSE = 1300; // milliseconds between two steps when playing
const GLIDE = 350; // of these, how long the numbers take to move

const frames = {
  compute: (state, trace) => (trace.variants ? trace.variants[state.variant] : trace.steps),
  view: (steps, t) => steps[t],
};

// Numbers on their way from one frame to the next; what is not a number arrives at once.
function between(from, to, share) {
  if (typeof from === "number" && typeof to === "number") return from + (to - from) * share;
  if (Array.isArray(from) && Array.isArray(to) && from.length === to.length) {
    return to.map((value, k) => between(from[k], value, share));
  }
  if (from && to && typeof from === "object" && typeof to === "object" && !Array.isArray(to)) {
    const entries = Object.entries(to);
    return Object.fromEntries(entries.map(([k, value]) => [k, between(from[k], value, share)]));
  }
  return to;
}

function tableOf({ head, rows }) {
  const columns = head.map((title) => html("th", { scope: "col" }, title));
  const lines = rows.map(([first, ...rest]) => {
    const label = html("th", { scope: "row" }, number(first, 3));
    return html("tr", {}, label, ...rest.map((value) => html("td", {}, number(value, 3))));
  });
  const body = html("tbody", {}, ...lines);
  return html("table", {}, html("thead", {}, html("tr", {}, ...columns)), body);
}

// A button that makes a step: a press adds letters to a text in the state that has one for each
// step so far. It goes on from the step that is shown; `most` is how many letters there may be.
function action(spec, press) {
  const node = html("button", { type: "button", class: "action" }, spec.label);
  node.addEventListener("click", () => press(spec));
  const show = (_, index) => {
    node.disabled = index + spec.adds.length > spec.most;
  };
  return { node, show, name: spec.name };
}

function control(spec, set) {
  const attributes = { name: spec.name };
  let input;
  if (spec.kind === "range") {
    const { min, max, step } = spec;
    input = html("input", { ...attributes, type: "range", min, max, step });
  } else {
    const options = spec.options.map(([value, label]) => html("option", { value }, label));
    input = html("select", attributes, ...options);
  }
  const shown = html("output", {});
  input.addEventListener("input", () => {
    set(spec.name, spec.kind === "range" ? Number(input.value) : input.value);
  });
  const name = html("span", {}, spec.label);
  const show = (value) => {
    input.value = value;
    shown.textContent = spec.kind === "range" ? number(value, spec.step % 1 ? 2 : 0) : "";
  };
  return { node: html("label", { class: "control" }, name, input, shown), show, name: spec.name };
}

// The body of the player, with nothing in it yet.
function skeleton(title) {
  const button = (name, text) => html("button", { type: "button", class: name }, text);
  const parts = {
    controls: html("div", { class: "controls" }),
    panels: html("div", { class: "panels" }),
    previous: button("previous", "Back"),
    next: button("next", "Next"),
    play: button("play", "Play"),
    reset: button("reset", "Reset"),
    slider: html("input", { type: "range", class: "step", min: 0, step: 1, "aria-label": "Step" }),
    label: html("span", { class: "label" }),
    captions: html("div", { class: "captions", "aria-live": "polite" }),
    table: html("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Numbers" }),
  };
  const { previous, next, play, reset, slider, label } = parts;
  const buttons = html("div", { class: "buttons" }, previous, next, play, reset);
  const bar = html("div", { class: "bar" }, buttons, slider, label);
  const summary = html("summary", {}, "The numbers behind the picture");
  const numbers = html("details", { class: "numbers" }, summary, parts.table);
  const heading = html("div", { class: "title" }, title);
  parts.section = html(
    "section", { role: "group", "aria-label": title }, // not a landmark: a page has several
    heading, parts.controls, parts.panels, bar, parts.captions, numbers,
  );
  return parts;
}

export function mount(host, style, explorers) {
  const trace = JSON.parse(host.querySelector("script[type='application/json']").textContent);
  const explorer = { ...frames, ...explorers[trace.explorer] };
  const parts = skeleton(trace.title);
  const root = host.attachShadow({ mode: "open" });
  root.append(html("style", {}, style), parts.section);

  const start = () => JSON.parse(JSON.stringify(trace.state ?? {}));
  const player = { state: start(), steps: [], frames: [], index: trace.start ?? 0 };
  let colours = theme(pageIsDark());
  const pauseTime = trace.pause ?? PAUSE;
  const glideTime = Math.min(GLIDE, 0.8 * pauseTime);
  let timer = null;
  let glide = null;

  function compute(fresh) {
    const known = fresh && trace.steps;
    player.steps = known ? trace.steps : explorer.compute(player.state, trace);
    const { steps, state } = player;
    player.frames = steps.map((_, t) => explorer.view(steps, t, state, trace));
    player.index = Math.min(player.index, steps.length - 1);
    // All captions lie on top of each other, so that the page never moves when one changes.
    const lines = player.frames.map((frame) => html("p", { class: "caption" }, frame.caption));
    parts.captions.replaceChildren(...lines);
    parts.slider.max = steps.length - 1;
    parts.section.classList.toggle("still", steps.length === 1);
  }

  function drawPanels(panels) {
    const focus = root.activeElement?.dataset?.key;
    parts.panels.replaceChildren(...panels.map((panel) => draw(panel, colours, set)));
    if (!focus) return; // what had the keyboard was drawn anew and gets it back
    for (const node of parts.panels.querySelectorAll("[data-key]")) {
      if (node.dataset.key === focus) node.focus({ preventScroll: true });
    }
  }

  function render() {
    const { index } = player;
    const frame = player.frames[index];
    player.frame = frame;
    cancelAnimationFrame(glide);
    drawPanels(frame.panels);
    parts.slider.value = index;
    parts.slider.setAttribute("aria-valuetext", frame.label);
    parts.label.textContent = frame.label;
    [...parts.captions.children].forEach((line, t) => {
      line.classList.toggle("now", t === index);
    });
    parts.table.replaceChildren(tableOf(frame.table));
    parts.previous.disabled = index === 0;
    parts.next.disabled = index === player.steps.length - 1;
    inputs.forEach((input) => input.show(player.state[input.name], index));
  }

  function go(index) {
    player.index = Math.min(player.steps.length - 1, Math.max(0, index));
    render();
  }

  function pause() {
    clearInterval(timer);
    timer = null;
    parts.play.textContent = "Play";
    parts.captions.setAttribute("aria-live", "polite");
  }

  function advance() {
    const from = player.frame.panels;
    if (player.index + 1 >= player.steps.length - 1) pause();
    go(player.index + 1);
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const to = player.frame.panels;
    const began = performance.now();
    const tick = (now) => {
      const share = Math.min(1, Math.max(0, (now - began) / glideTime));
      drawPanels(share === 1 ? to : between(from, to, share));
      if (share < 1) glide = requestAnimationFrame(tick);
    };
    glide = requestAnimationFrame(tick);
  }

  function play() {
    if (timer !== null) return pause();
    if (player.index === player.steps.length - 1) go(0);
    parts.play.textContent = "Pause";
    if (pauseTime < PAUSE) parts.captions.setAttribute("aria-live", "off"); // too fast to be read
    timer = setInterval(advance, pauseTime);
  }

  function press({ name, adds }) {
    set(name, player.state[name].slice(0, player.index) + adds);
    if (adds.length === 1) advance();
    else play();
  }

  function set(name, value) {
    pause();
    const [key, ...path] = [name].flat();
    const next = { ...player.state, [key]: JSON.parse(JSON.stringify(player.state[key] ?? null)) };
    let place = next;
    let last = key;
    for (const step of path) {
      place = place[last];
      last = step;
    }
    place[last] = value;
    player.state = explorer.constrain ? explorer.constrain(next, trace) : next;
    compute(false);
    render();
  }

  function reset() {
    pause();
    player.state = start();
    player.index = trace.start ?? 0;
    compute(true);
    render();
  }

  const inputs = (trace.controls ?? []).map((spec) =>
    spec.kind === "action" ? action(spec, press) : control(spec, set),
  );
  parts.controls.append(...inputs.map((input) => input.node));
  const step = (act) => () => {
    pause();
    act();
  };
  parts.previous.addEventListener("click", step(() => go(player.index - 1)));
  parts.next.addEventListener("click", step(() => go(player.index + 1)));
  parts.play.addEventListener("click", play);
  parts.reset.addEventListener("click", reset);
  parts.slider.addEventListener("input", step(() => go(Number(parts.slider.value))));
  const keys = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
  parts.section.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || !(event.key in keys)) return;
    if (!event.target.closest("button, summary")) return; // a slider moves by itself
    event.preventDefault();
    step(() => go(player.index + keys[event.key]))();
  });

  const dress = () => {
    colours = theme(pageIsDark());
    host.dataset.theme = pageIsDark() ? "dark" : "light";
    if (player.frame) drawPanels(player.frame.panels);
  };
  whenThemeChanges(dress);
  dress();
  compute(true);
  render();
  host.capsedu = Object.assign(player, { set, go });
}

// Every output carries this script; each copy mounts what bears its own mark and is still bare.
export function mountAll(mark, style, explorers) {
  for (const host of document.querySelectorAll(`.capsedu-player[data-build="${mark}"]`)) {
    if (!host.shadowRoot) mount(host, style, explorers);
  }
}
