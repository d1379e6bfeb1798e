// A formula that is wider than its column scrolls in a box of its own. The box takes the focus,
// so that the arrow keys can scroll it, but only while there is something to scroll. The theme
// does the same for code and tables.

function reach() {
  for (const formula of document.querySelectorAll('mjx-container[display="true"]')) {
    if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
    else formula.removeAttribute("tabindex");
  }
}

// Formulas are set after the page has loaded, and they change the height of the article then.
document.addEventListener("DOMContentLoaded", () => {
  new ResizeObserver(reach).observe(document.querySelector("article"));
});

// The theme's arrows that unfold a part of the list of pages have no name.
document.addEventListener("DOMContentLoaded", () => {
  for (const arrow of document.querySelectorAll("li.has-children > details > summary")) {
    arrow.ariaLabel = `Pages under ${arrow.closest("li").querySelector("a").textContent.trim()}`;
  }
});
