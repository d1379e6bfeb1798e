// Small words for making elements, and the way numbers are written everywhere.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export function html(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

export function number(value, digits = 2) {
  if (typeof value !== "number") return String(value);
  const text = value.toFixed(digits);
  const positive = Number(text) === 0 ? text.replace("-", "") : text;
  return positive.replace("-", "−");
}
