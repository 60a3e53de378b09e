// A row that is wider than its place scrolls, and fades where it goes on.

/** Watches a row that scrolls sideways: at an edge beyond which it goes on it gets a class, and the wheel moves it. */
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
  new ResizeObserver(look).observe(row);
  new MutationObserver(look).observe(row, { childList: true, subtree: true, characterData: true });
  look();
}

/** Scrolls a row so that one of its children is in sight, clear of the fade. */
export function bring(row, child, air = 24) {
  const left = child.offsetLeft - row.offsetLeft;
  if (left - air < row.scrollLeft) row.scrollLeft = left - air;
  else if (left + child.offsetWidth + air > row.scrollLeft + row.clientWidth) row.scrollLeft = left + child.offsetWidth + air - row.clientWidth;
}
