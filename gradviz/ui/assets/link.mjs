// The focus in the address: #e=214&n=t17. Sharing the address restores the moment.

/** {seq, element, open} from a hash; seq is null where the link names none or nonsense, open where it names no groups. */
export function parseLink(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const text = given.get("e");
  const seq = text !== null && /^\d+$/.test(text) ? Number(text) : null;
  const open = given.get("open");
  return { seq, element: given.get("n") || "", open: open === null ? null : open.split(",").filter(id => /^\d+(\.\d+)*$/.test(id)) };
}

export function formatLink({ seq, element, open = null }) {
  return `#e=${seq}${element ? `&n=${encodeURIComponent(element)}` : ""}${open ? `&open=${open.join(",")}` : ""}`;
}
