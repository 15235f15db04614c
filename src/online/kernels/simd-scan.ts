import type { DomainPriors } from '../serving/priors.js';
import { plainScan, type Scan, type ScanTarget } from '../serving/scan.js';
import type { ItemTable } from '../table.js';
import { SCRATCH_BYTES, SimdMemory } from './memory.js';

/** Items in the largest block, and the first, smaller, so that thresholds are soon there. */
const MOST_ITEMS = 256;
const FIRST_ITEMS = 32;
/** Queries that one call of the kernel takes. */
const LANES = 4;

/**
 * The scan by SIMD kernels where the table lives in their memory, else the plain one. Scores are
 * float32 sums in four lanes: they may differ from the plain ones in the last bits.
 */
export const scan: Scan = (items, priors, query, targets) => {
  if (items.memory instanceof SimdMemory) simdScan(items.memory, items, priors, query, targets);
  else plainScan(items, priors, query, targets);
};

/** Byte addresses in the scratch. */
interface Places {
  readonly rows: number;
  readonly base: number;
  readonly thresholds: number;
  readonly hits: number;
  readonly queries: number;
  /** Queries that there is room for, a multiple of 4. */
  readonly mostQueries: number;
}

function placesFor(memory: SimdMemory, width: number): Places {
  const rows = memory.scratchStart;
  const base = rows + MOST_ITEMS * 4;
  const thresholds = base + MOST_ITEMS * 4;
  const hits = thresholds + LANES * 4;
  const queries = hits + MOST_ITEMS * LANES * 8;
  const room = Math.floor((SCRATCH_BYTES - queries) / width);
  return { rows, base, thresholds, hits, queries, mostQueries: room - (room % LANES) };
}

function simdScan(
  memory: SimdMemory,
  items: ItemTable,
  priors: DomainPriors,
  query: Float32Array,
  targets: readonly ScanTarget[],
): void {
  const d = items.dimension;
  const places = placesFor(memory, d * 4);
  const ints = new Int32Array(memory.buffer, 0, SCRATCH_BYTES / 4);
  const floats = new Float32Array(memory.buffer, 0, SCRATCH_BYTES / 4);
  for (let start = 0; start < targets.length; start += places.mostQueries) {
    const some = targets.slice(start, start + places.mostQueries);
    for (const [i, { at }] of some.entries()) {
      floats.set(query.subarray(at, at + d), places.queries / 4 + i * d);
    }
    let size = FIRST_ITEMS;
    for (let from = 0; from < priors.length; ) {
      const to = Math.min(priors.length, from + size);
      ints.set(priors.rows.subarray(from, to), places.rows / 4);
      floats.set(priors.base.subarray(from, to), places.base / 4);
      for (let group = 0; group < some.length; group += LANES) {
        const lanes = some.slice(group, group + LANES);
        for (let lane = 0; lane < LANES; lane++) {
          floats[places.thresholds / 4 + lane] =
            lanes[lane]?.best.threshold ?? Number.POSITIVE_INFINITY;
        }
        const kernel = lanes.length === 1 ? memory.kernels.scan1 : memory.kernels.scan4;
        const hits = kernel(
          memory.embeddings,
          places.rows,
          places.base,
          to - from,
          places.queries + group * d * 4,
          d * 4,
          places.thresholds,
          places.hits,
        );
        takeHits(hits, places.hits / 4, ints, floats, lanes, priors.rows, from);
      }
      from = to;
      size = Math.min(MOST_ITEMS, size * 2);
    }
  }
}

/** Hits were above the thresholds at the start of the block; here they meet those of the moment. */
function takeHits(
  hits: number,
  at: number,
  ints: Int32Array,
  floats: Float32Array,
  lanes: readonly ScanTarget[],
  rows: Int32Array,
  from: number,
): void {
  for (let hit = at; hit < at + hits * 2; hit += 2) {
    const code = ints[hit]!;
    const score = floats[hit + 1]!;
    const { best, excluded } = lanes[code & 3]!;
    const place = from + (code >> 2);
    if (score > best.threshold && !excluded.has(rows[place]!)) best.push(place, score);
  }
}
