/**
 * What a tower does with rows of d floats beside products. Loops over typed arrays: the oracle of the
 * kernels in ../kernels/assembly/tower.ts.
 */

/** Which row a slot stands in once slots are sorted, whose example it is, and its gate weight. */
export interface Mixture {
  /** (slots) */
  readonly places: Int32Array;
  /** (slots) */
  readonly slotExample: Int32Array;
  /** (slots) */
  readonly gate: Float32Array;
}

/** What there is to be done with rows, in loops or by kernels. */
export interface RowLoops {
  scatterRows(from: Float32Array, places: Int32Array, to: Float32Array, d: number): void;
  gatherRows(from: Float32Array, places: Int32Array, to: Float32Array, d: number): void;
  addToRows(rows: Float32Array, row: Float32Array, d: number): void;
  sumRows(rows: Float32Array, out: Float32Array, d: number): void;
  mixRows(mixture: Mixture, y: Float32Array, z: Float32Array, d: number): void;
  unmixRows(
    mixture: Mixture,
    y: Float32Array,
    dz: Float32Array,
    dy: Float32Array,
    d: number,
  ): Float32Array;
}

/** Row i of `from` becomes row places[i] of `to`. */
function scatterRows(from: Float32Array, places: Int32Array, to: Float32Array, d: number): void {
  for (let i = 0; i < places.length; i++) {
    const at = i * d;
    const place = places[i]! * d;
    for (let k = 0; k < d; k++) to[place + k] = from[at + k]!;
  }
}

/** Row places[i] of `from` becomes row i of `to`. */
function gatherRows(from: Float32Array, places: Int32Array, to: Float32Array, d: number): void {
  for (let i = 0; i < places.length; i++) {
    const at = i * d;
    const place = places[i]! * d;
    for (let k = 0; k < d; k++) to[at + k] = from[place + k]!;
  }
}

/** Adds a row (d) to each of `rows`. */
function addToRows(rows: Float32Array, row: Float32Array, d: number): void {
  for (let at = 0; at < rows.length; at += d) {
    for (let k = 0; k < d; k++) rows[at + k]! += row[k]!;
  }
}

/** Makes `out` (d) the sum of the rows. */
function sumRows(rows: Float32Array, out: Float32Array, d: number): void {
  out.fill(0, 0, d);
  for (let at = 0; at < rows.length; at += d) {
    for (let k = 0; k < d; k++) out[k]! += rows[at + k]!;
  }
}

/** z_e += g_i y_i over the slots i of each example e; y (slots, d) is sorted. */
function mixRows(
  { places, slotExample, gate }: Mixture,
  y: Float32Array,
  z: Float32Array,
  d: number,
): void {
  for (let i = 0; i < places.length; i++) {
    const to = slotExample[i]! * d;
    const from = places[i]! * d;
    const weight = gate[i]!;
    for (let k = 0; k < d; k++) z[to + k]! += weight * y[from + k]!;
  }
}

/** The way back of `mixRows`: dy_i = g_i dz_e, sorted, and dg_i = dz_e · y_i, which it returns. */
function unmixRows(
  { places, slotExample, gate }: Mixture,
  y: Float32Array,
  dz: Float32Array,
  dy: Float32Array,
  d: number,
): Float32Array {
  const dGate = new Float32Array(places.length);
  for (let i = 0; i < places.length; i++) {
    const at = slotExample[i]! * d;
    const place = places[i]! * d;
    const weight = gate[i]!;
    let sum = 0;
    for (let k = 0; k < d; k++) {
      const value = dz[at + k]!;
      sum += value * y[place + k]!;
      dy[place + k] = weight * value;
    }
    dGate[i] = sum;
  }
  return dGate;
}

export const rowLoops: RowLoops = {
  scatterRows,
  gatherRows,
  addToRows,
  sumRows,
  mixRows,
  unmixRows,
};
