// The one registry of commands: it feeds the keyboard, the buttons and the help sheet.

const command = (id, group, label, keys, match) => ({ id, group, label, keys, match });

export const COMMANDS = [
  command("forward", "Time", "Forward one event", ["→"], "ArrowRight"),
  command("back", "Time", "Back one event", ["←"], "ArrowLeft"),
  command("phase-forward", "Time", "Next op or backward step", ["Shift", "→"], "S+ArrowRight"),
  command("phase-back", "Time", "Previous op or backward step", ["Shift", "←"], "S+ArrowLeft"),
  command("first", "Time", "First event", ["Home"], "Home"),
  command("last", "Time", "Last event", ["End"], "End"),
  command("call-forward", "Time", "Next backward call", ["PgDn"], "PageDown"),
  command("call-back", "Time", "Previous backward call", ["PgUp"], "PageUp"),
  command("iteration-forward", "Time", "The same place in the next iteration", ["Alt", "→"], "A+ArrowRight"),
  command("iteration-back", "Time", "The same place in the iteration before", ["Alt", "←"], "A+ArrowLeft"),
  command("play", "Time", "Play, pause", ["Space"], " "),
  command("slower", "Time", "Play slower", ["<"], "<"),
  command("faster", "Time", "Play faster", [">"], ">"),
  command("touch-forward", "Jump", "Next event of what is selected", ["."], "."),
  command("touch-back", "Jump", "Previous event of it", [","], ","),
  command("op", "Jump", "To the forward op", ["["], "["),
  command("node", "Jump", "To its backward node", ["]"], "]"),
  command("finding", "Jump", "Next stop of a finding", ["E"], "e"),
  command("finding-back", "Jump", "Previous stop", ["Shift", "E"], "S+e"),
  command("break", "Jump", "Breakpoints", ["B"], "b"),
  command("continue", "Jump", "Go on to the next breakpoint", ["C"], "c"),
  command("continue-back", "Jump", "Back to the breakpoint before", ["Shift", "C"], "S+c"),
  command("bookmark", "Jump", "Bookmark this event", ["M"], "m"),
  command("bookmark-next", "Jump", "To the next bookmark", ["Shift", "M"], "S+m"),
  command("search", "Jump", "Search: Enter next, Shift+Enter previous", ["/"], "/"),
  command("expand", "View", "Open the group that the playhead is in", ["O"], "o"),
  command("collapse", "View", "Close the group around it", ["Shift", "O"], "S+o"),
  command("view-graphs", "View", "The graphs", ["1"], "1"),
  command("view-flow", "View", "Gradient flow", ["2"], "2"),
  command("view-events", "View", "The table of events", ["3"], "3"),
  command("focus", "View", "Centre what is selected", ["F"], "f"),
  command("fit", "View", "Fit both graphs", ["0"], "0"),
  command("lanes-in", "View", "Zoom into the lanes", ["+"], "+"),
  command("lanes-out", "View", "Zoom out of the lanes", ["-"], "-"),
  command("theme", "View", "Light or dark", ["T"], "t"),
  command("palette", "View", "All commands", ["Ctrl", "K"], "C+k"),
  command("help", "View", "This sheet", ["?"], "?"),
  command("follow", "View", "Close; follow the playhead again", ["Esc"], "Escape"),
];

/** The name of a key press as the registry writes it: "S+ArrowLeft", "e", "?". */
export function keyName(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return (event.altKey ? "A+" : "") + (event.shiftKey && /^(Arrow|[a-z]$)/.test(key) ? "S+" : "") + key;
}

/** The command of a key press; null while one types, or with a modifier that belongs to the browser. */
export function commandFor(event) {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") return COMMANDS.find(one => one.match === "C+k");
  if (event.ctrlKey || event.metaKey || event.altKey && !event.key.startsWith("Arrow")) return null;
  const target = event.target || {};
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName || "") || target.isContentEditable) return null;
  if ((event.key === " " || event.key === "Enter") && /^(BUTTON|A|SUMMARY)$/.test(target.tagName || "")) return null;
  return COMMANDS.find(one => one.match === keyName(event)) || null;
}

/** Commands by group, in order, for the help sheet. */
export function grouped() {
  const groups = new Map();
  for (const one of COMMANDS) groups.set(one.group, [...(groups.get(one.group) || []), one]);
  return groups;
}
