// What a person leaves on a trace: breakpoints and bookmarks. They live in the browser, under the trace's name.

const PREFIX = "gradviz-marks ";

export const keyOf = trace => `${PREFIX}${trace.name} ${trace.started} ${trace.n}`;

/** {breaks: [condition, ...], bookmarks: [seq, ...]} as stored, whatever was stored. */
export function readMarks(text, n) {
  let found = {};
  try { found = JSON.parse(text) || {}; } catch { /* not ours */ }
  const list = (name, good) => Array.isArray(found[name]) ? found[name].filter(good) : [];
  return { breaks: list("breaks", one => typeof one === "string" && one.length <= 500).slice(0, 20), bookmarks: list("bookmarks", seq => Number.isInteger(seq) && seq >= 0 && seq < n) };
}

export function loadMarks(trace) {
  try { return readMarks(localStorage.getItem(keyOf(trace)), trace.n); } catch { return readMarks(null, trace.n); }
}

export function saveMarks(trace, marks) {
  try { localStorage.setItem(keyOf(trace), JSON.stringify(marks)); } catch { /* a browser without storage forgets */ }
}

/** A sorted list with an entry put in, or taken out where it was. */
export function flipped(list, entry) {
  return list.includes(entry) ? list.filter(one => one !== entry) : [...list, entry].sort((a, b) => a - b);
}

/** Sorted lists as one, each entry once. */
export function merged(lists) {
  return [...new Set(lists.flat())].sort((a, b) => a - b);
}
