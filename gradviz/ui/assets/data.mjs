// What the page knows of the run: one description, columns over all events, and windows of rows fetched when needed.

export const WINDOW = 500;

/** Columns of /api/trace's overview as typed arrays. */
export function decodeOverview(overview) {
  const bytes = name => Uint8Array.from(atob(overview[name]), letter => letter.charCodeAt(0));
  const lane = bytes("lane");
  return {
    kind: bytes("kind"), lane: lane.map(code => code & 7), steppable: lane.map(code => code & 16), writes: lane.map(code => code & 32),
    leaf: lane.map(code => code & 64), quiet: lane.map(code => code & 128),
    t: new Float32Array(bytes("t").buffer), span: new Uint32Array(bytes("span").buffer),
    graph: new Uint32Array(bytes("graph").buffer),
  };
}

/** The events one steps on, and those that the lanes show. */
export function listed(columns) {
  const steps = [], shown = [];
  for (let seq = 0; seq < columns.lane.length; seq++) {
    if (columns.steppable[seq]) steps.push(seq);
    if (columns.lane[seq]) shown.push(seq);
  }
  return { steps, shown };
}

/** Map of each span to the first event there. */
export function firstAt(spans) {
  const first = new Map();
  spans.forEach((span, seq) => { if (span && !first.has(span)) first.set(span, seq); });
  return first;
}

/** Rows by event; windows come from the server once and stay. `arrived` is called after each. */
export class Rows {
  constructor(n, fetchJson, arrived) {
    this.n = n; this.fetchJson = fetchJson; this.arrived = arrived;
    this.windows = new Map(); this.asked = new Map();
  }

  get(seq) {
    const rows = this.windows.get(Math.floor(seq / WINDOW));
    return rows ? rows[seq % WINDOW] || null : null;
  }

  /** Asks for the window of an event and for its neighbour on the nearer side. */
  want(seq) {
    const number = Math.floor(seq / WINDOW), half = seq % WINDOW < WINDOW / 2 ? number - 1 : number + 1;
    return this.load(number).then(rows => { this.load(half); return rows; });
  }

  load(number) {
    if (number < 0 || number * WINDOW >= this.n) return Promise.resolve([]);
    if (!this.asked.has(number)) {
      const from = number * WINDOW;
      this.asked.set(number, this.fetchJson(`/api/events?from=${from}&to=${from + WINDOW}`).then(rows => {
        this.windows.set(number, rows);
        this.arrived();
        return rows;
      }, error => { this.asked.delete(number); throw error; }));
    }
    return this.asked.get(number);
  }
}

/** Numbers with a thin comma: 1,908. */
export const grouped = number => String(number).replace(/\B(?=(\d{3})+$)/g, ",");
