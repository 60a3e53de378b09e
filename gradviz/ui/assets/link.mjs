// The focus in the address: #e=214&n=t17&view=flow. Sharing the address restores the moment.

/** {seq, element, open, view, find} from a hash; seq is null where the link names none or nonsense, open where it names no groups. */
export function parseLink(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const text = given.get("e");
  const seq = text !== null && /^\d+$/.test(text) ? Number(text) : null;
  const open = given.get("open");
  return { seq, element: given.get("n") || "", view: given.get("view") || "graphs", find: given.get("find") === "1", open: open === null ? null : open.split(",").filter(id => /^\d+(\.\d+)*$/.test(id)) };
}

export function formatLink({ seq, element, open = null, view = "graphs", find = false }) {
  return `#e=${seq}${element ? `&n=${encodeURIComponent(element)}` : ""}${open ? `&open=${open.join(",")}` : ""}${view === "graphs" ? "" : `&view=${view}`}${find ? "&find=1" : ""}`;
}
