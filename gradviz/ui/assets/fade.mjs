// A row that is wider than its place scrolls, and fades where it goes on.

/**
 * Watches a row that scrolls sideways: at an edge beyond which it goes on it gets a class, the wheel
 * moves it, and the child that is selected is kept in sight.
 */
export function fading(row) {
  const look = () => {
    row.classList.toggle("on-left", row.scrollLeft > 1);
    row.classList.toggle("on-right", row.scrollLeft + row.clientWidth < row.scrollWidth - 1);
  };
  row.addEventListener("scroll", look, { passive: true });
  row.addEventListener("wheel", event => {
    if (event.deltaX || row.scrollWidth <= row.clientWidth) return;
    event.preventDefault();
    row.scrollLeft += event.deltaY;
  }, { passive: false });
  const again = () => { const chosen = row.querySelector("[aria-selected=true]"); if (chosen) bring(row, chosen); look(); };
  new ResizeObserver(again).observe(row);
  new MutationObserver(again).observe(row, { childList: true, subtree: true, attributeFilter: ["aria-selected"] });
  look();
}

/** Scrolls a row so that one of its children is in sight, clear of the fade. */
function bring(row, child, air = 24) {
  const left = child.offsetLeft - row.offsetLeft;
  if (left - air < row.scrollLeft) row.scrollLeft = left - air;
  else if (left + child.offsetWidth + air > row.scrollLeft + row.clientWidth) row.scrollLeft = left + child.offsetWidth + air - row.clientWidth;
}
