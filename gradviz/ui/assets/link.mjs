// The focus in the address: #e=214&n=t17. Sharing the address restores the moment.

/** {seq, element} from a hash; seq is null where the link names none or nonsense. */
export function parseLink(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const text = given.get("e");
  const seq = text !== null && /^\d+$/.test(text) ? Number(text) : null;
  return { seq, element: given.get("n") || "" };
}

export function formatLink({ seq, element }) {
  return `#e=${seq}${element ? `&n=${encodeURIComponent(element)}` : ""}`;
}
