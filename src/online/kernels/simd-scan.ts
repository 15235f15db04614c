import { baseOf, type DomainPriors } from '../serving/priors.js';
import {
  plainScan,
  type Reach,
  reachOf,
  type Scan,
  type ScanTarget,
  withinReach,
} from '../serving/scan.js';
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
  /** Of the lanes, then by what each saturates. */
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
  const hits = thresholds + LANES * 8;
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
  const most = placesFor(memory, items.dimension * 4).mostQueries;
  for (let start = 0; start < targets.length; start += most) {
    new ScratchScan(memory, items.dimension, priors).run(query, targets.slice(start, start + most));
  }
}

/** Targets that go through the kernel together, the bound that they share, and where their queries are. */
interface Group extends Reach {
  readonly lanes: readonly ScanTarget[];
  readonly queries: number;
}

/** One scan for as many targets as the scratch has room for. */
class ScratchScan {
  private readonly memory: SimdMemory;
  private readonly dimension: number;
  private readonly priors: DomainPriors;
  private readonly places: Places;
  private readonly ints: Int32Array;
  private readonly floats: Float32Array;
  /** Places in the domain of the items that the kernel is given. */
  private readonly given = new Int32Array(MOST_ITEMS);

  constructor(memory: SimdMemory, dimension: number, priors: DomainPriors) {
    this.memory = memory;
    this.dimension = dimension;
    this.priors = priors;
    this.places = placesFor(memory, dimension * 4);
    this.ints = memory.ints;
    this.floats = memory.floats;
  }

  run(query: Float32Array, targets: readonly ScanTarget[]): void {
    const { dimension: d, floats, places, priors } = this;
    const groups: Group[] = [];
    // Lanes share a bound and the base of an item: the nearer their weights of popularity, the fewer hits in vain.
    const sorted = targets.toSorted((a, b) => a.popularity - b.popularity);
    for (let i = 0; i < sorted.length; i += LANES) {
      const lanes = sorted.slice(i, i + LANES);
      let reach = 0;
      let saturation = Number.POSITIVE_INFINITY;
      for (let lane = 0; lane < lanes.length; lane++) {
        const { at, saturation: own } = lanes[lane]!;
        const to = places.queries / 4 + (i + lane) * d;
        for (let k = 0; k < d; k++) floats[to + k] = query[at + k]!;
        reach = Math.max(reach, reachOf(query, at, d));
        saturation = Math.min(saturation, own);
      }
      groups.push({ lanes, reach, saturation, queries: places.queries + i * d * 4 });
    }
    let size = FIRST_ITEMS;
    for (let from = 0; from < priors.length; ) {
      const to = Math.min(priors.length, from + size);
      for (const group of groups) this.group(group, from, to);
      from = to;
      size = Math.min(MOST_ITEMS, size * 2);
    }
  }

  private group(group: Group, from: number, to: number): void {
    const { lanes, queries } = group;
    const { floats, places, memory } = this;
    let least = Number.POSITIVE_INFINITY;
    for (let lane = 0; lane < LANES; lane++) {
      const target = lanes[lane];
      const threshold = target?.best.threshold ?? Number.POSITIVE_INFINITY;
      floats[places.thresholds / 4 + lane] = threshold;
      floats[places.thresholds / 4 + LANES + lane] = target?.saturation ?? 0;
      if (threshold < least) least = threshold;
    }
    const { popularity } = lanes.at(-1)!;
    const n = withinReach(this.priors, group, popularity, least, from, to, this.given);
    if (n === 0) return;
    const kernel = lanes.length === 1 ? memory.kernels.scan1 : memory.kernels.scan4;
    const hits = kernel(
      memory.embeddings,
      places.rows,
      places.base,
      this.give(n, popularity),
      queries,
      this.dimension * 4,
      places.thresholds,
      places.hits,
    );
    this.takeHits(hits, lanes, popularity);
  }

  /** Hands n items to the kernel, filled up to a multiple of 4 with ones that cannot be hits. */
  private give(n: number, popularity: number): number {
    const { ints, floats, given, priors, places } = this;
    const rows = places.rows / 4;
    const base = places.base / 4;
    for (let i = 0; i < n; i++) {
      ints[rows + i] = priors.rows[given[i]!]!;
      floats[base + i] = baseOf(priors, given[i]!, popularity);
    }
    const count = (n + 3) & ~3;
    for (let i = n; i < count; i++) {
      ints[rows + i] = ints[rows]!;
      floats[base + i] = Number.NEGATIVE_INFINITY;
    }
    return count;
  }

  /**
   * Hits were above the thresholds at the start of the block; here they meet those of the moment, without what the
   * weight of popularity that they were given is more than the lane's own.
   */
  private takeHits(hits: number, lanes: readonly ScanTarget[], popularity: number): void {
    const { ints, floats, given } = this;
    const { rows, logs } = this.priors;
    const start = this.places.hits / 4;
    for (let hit = start; hit < start + hits * 2; hit += 2) {
      const code = ints[hit]!;
      const { best, excluded, popularity: own } = lanes[code & 3]!;
      const place = given[code >> 2]!;
      const score = floats[hit + 1]! - (popularity - own) * logs[place]!;
      if (score > best.threshold && !excluded.has(rows[place]!)) best.push(place, score);
    }
  }
}
