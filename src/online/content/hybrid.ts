import { WEIGHT_UNIT } from '../grid.js';
import { type SimdMatMul, simdMatMul } from '../kernels/simd-matmul.js';
import type { ItemTable } from '../table.js';
import { multiplyInLoops } from '../tower/products.js';
import { contentSize } from './encoder.js';
import { FeatureIndex, type Postings } from './feature-index.js';
import { Frequencies } from './frequencies.js';
import { ContentStore } from './store.js';

/** What an item's vector is made of: its embedding, its content, or both. */
export type ContentMode = 'collaborative' | 'content' | 'hybrid';

/** Key of the block W_c of a domain. */
export function contentKey(domain: string): string {
  return `content/${domain}`;
}

/** The domain of a key of such a block, or null for another key. */
export function contentDomain(key: string): string | null {
  return key.startsWith('content/') ? key.slice('content/'.length) : null;
}

/** What is read of a model. */
interface Home {
  readonly items: ItemTable;
  domainOf(row: number): number;
  domainName(index: number): string;
  block(key: string): Float32Array;
}

const NO_SLOTS: ReadonlySet<number> = new Set();

/** Rows that go through one product. */
const CHUNK = 512;

/**
 * The vectors of items with content. The item table, which all kernels read, holds for them
 *
 *     v_j = e_j + c_j W_c     (hybrid; `content`: c_j W_c alone, `collaborative`: e_j alone)
 *
 * and e_j, which is what deltas add to, is kept here. v_j is derived from e_j, c_j and W_c as they stand
 * and from nothing before, so it is the same wherever those are; it is no part of hashes and snapshots.
 * After a change of c_j or W_c the table is behind until `settle`; e_j is in it at once.
 */
export class HybridRows {
  readonly store: ContentStore;
  readonly frequencies = new Frequencies();
  private readonly features = new FeatureIndex();
  readonly mode: ContentMode;
  private readonly home: Home;
  private readonly d: number;
  /** (slots, d) e_j */
  private own: Float32Array;
  /** (slots, d) c_j W_c, as of the last settling. */
  private base: Float32Array;
  /** By slot: whether c_j is other than 0. */
  private filled = new Uint8Array(0);
  /** By domain: its slots. */
  private readonly slotsOf: Set<number>[] = [];
  /** By domain: slots whose c_j is other than 0. */
  private readonly counts: number[] = [];
  /** Domains whose W_c has changed, or all rows of which have to be looked at. */
  private readonly staleDomains = new Set<number>();
  private staleSlots: number[] = [];
  /** Made when it is first needed: undefined until then. */
  private kernels: SimdMatMul | null | undefined;

  constructor(home: Home, dimension: number, mode: ContentMode) {
    this.home = home;
    this.d = dimension;
    this.mode = mode;
    this.store = new ContentStore(contentSize(dimension));
    this.own = new Float32Array(0);
    this.base = new Float32Array(0);
  }

  /** Whether nothing is known of any item. */
  get isEmpty(): boolean {
    return this.store.slots === 0;
  }

  /** What items are compared by; to be asked for anew after each change. */
  get index(): FeatureIndex {
    return this.features.of(this.store, this.frequencies);
  }

  /** Which items of a domain have a feature, as of the index. */
  postingsOf(domain: number): Postings {
    return this.index.postingsOf(domain, this.slotsOf[domain] ?? NO_SLOTS);
  }

  /** Whether a row has a c_j, and it counts. */
  isHybrid(row: number): boolean {
    const slot = this.store.slotOf(row);
    return slot >= 0 && this.filled[slot] === 1 && this.mode !== 'collaborative';
  }

  /** e_j of a row, where it is not in the table; else null. A view. */
  ownOf(row: number): Float32Array | null {
    const slot = this.store.slotOf(row);
    return slot < 0 ? null : this.own.subarray(slot * this.d, (slot + 1) * this.d);
  }

  /** Rows of a domain that have a c_j that counts; in no order that means anything. */
  *rowsOf(domain: number): Generator<number, void> {
    for (const slot of this.slotsOf[domain] ?? []) {
      const row = this.store.rows[slot]!;
      if (this.isHybrid(row)) yield row;
    }
  }

  /** So many rows of a domain have a c_j other than 0, as of the last settling. */
  countOf(domain: number): number {
    return this.counts[domain] ?? 0;
  }

  /** Adds to what is known of a row. */
  add(row: number, values: ArrayLike<number>, at: number, category: number, sign: 1 | -1): void {
    let slot = this.store.slotOf(row);
    if (slot < 0) slot = this.take(row);
    this.store.add(slot, values, at, category, sign);
    if (this.store.isFilled(slot)) this.staleSlots.push(slot);
    else {
      this.fill(slot, false);
      this.write(slot);
    }
  }

  /** Adds to the features of a row. */
  addFeatures(row: number, features: Uint16Array, at: number, sign: 1 | -1): void {
    const { store, frequencies } = this;
    const known = store.slotOf(row);
    const slot = known < 0 ? this.take(row) : known;
    frequencies.count(store.features, slot, -1);
    store.addFeatures(slot, features, at, sign);
    frequencies.count(store.features, slot, 1);
  }

  /** Adds to e_j of a row, where it is kept here; the table's is written anew, whatever is there. */
  addOwn(row: number, values: Int32Array, from: number, unit: number): void {
    const slot = this.store.slotOf(row);
    if (slot < 0) return;
    const { d, own } = this;
    const at = slot * d;
    for (let k = 0; k < d; k++) own[at + k]! += values[from + k]! * unit;
    this.write(slot);
  }

  /** Says that W_c of a domain has changed. */
  changed(domain: number): void {
    if (domain >= 0) this.staleDomains.add(domain);
  }

  /** Brings the table up to date. Cheap where nothing has changed. */
  settle(): void {
    if (this.staleSlots.length > 0) {
      const byDomain = new Map<number, number[]>();
      for (const slot of new Set(this.staleSlots)) {
        const row = this.store.rows[slot]!;
        if (row < 0) continue;
        this.fill(slot, this.store.isFilled(slot));
        const domain = this.home.domainOf(row);
        const slots = byDomain.get(domain);
        if (slots === undefined) byDomain.set(domain, [slot]);
        else slots.push(slot);
      }
      this.staleSlots = [];
      for (const [domain, slots] of byDomain) {
        if (!this.staleDomains.has(domain)) this.derive(domain, slots);
      }
    }
    if (this.staleDomains.size === 0) return;
    for (const domain of this.staleDomains) {
      const slots = this.slotsOf[domain];
      // None: the domain may be gone with the delta that brought it.
      if (slots !== undefined && slots.size > 0) this.derive(domain, [...slots]);
    }
    this.staleDomains.clear();
  }

  /** Puts c_j W_c alone into the table, as for an item that nobody has touched. */
  hide(row: number): void {
    const slot = this.store.slotOf(row);
    const { d, base } = this;
    this.home.items.embeddings.set(base.subarray(slot * d, (slot + 1) * d), row * d);
  }

  /** Puts e_j alone into the table. */
  bare(row: number): void {
    const slot = this.store.slotOf(row);
    const { d, own } = this;
    this.home.items.embeddings.set(own.subarray(slot * d, (slot + 1) * d), row * d);
  }

  /** Puts v_j back into the table, after `hide` or `bare`. */
  restore(row: number): void {
    this.write(this.store.slotOf(row));
  }

  /** c_j of a row as numbers, into out[0 .. C - 1]. */
  contentOf(row: number, out: Float32Array): void {
    const { size, values } = this.store;
    const at = this.store.slotOf(row) * size;
    for (let k = 0; k < size; k++) out[k] = values[at + k]! * WEIGHT_UNIT;
  }

  /** Forgets a row of which nothing is known; e_j is in the table then. */
  drop(row: number): void {
    const slot = this.store.slotOf(row);
    if (slot < 0) return;
    this.slotsOf[this.home.domainOf(row)]!.delete(slot);
    this.store.drop(row);
  }

  clear(): void {
    this.store.clear();
    this.frequencies.clear();
    this.slotsOf.length = 0;
    this.counts.length = 0;
    this.staleDomains.clear();
    this.staleSlots = [];
    this.filled.fill(0);
  }

  get bytes(): number {
    return this.store.bytes + this.own.byteLength * 2;
  }

  /** Gives a row a slot, with what the table holds as e_j. */
  private take(row: number): number {
    const slot = this.store.slotFor(row);
    this.reserve(this.store.rows.length);
    const { d } = this;
    this.own.set(this.home.items.embeddings.subarray(row * d, (row + 1) * d), slot * d);
    this.base.fill(0, slot * d, (slot + 1) * d);
    const domain = this.home.domainOf(row);
    while (this.slotsOf.length <= domain) {
      this.slotsOf.push(new Set());
      this.counts.push(0);
    }
    this.slotsOf[domain]!.add(slot);
    return slot;
  }

  /** Notes whether the c_j of a slot is other than 0. */
  private fill(slot: number, filled: boolean): void {
    const now = filled ? 1 : 0;
    this.counts[this.home.domainOf(this.store.rows[slot]!)]! += now - this.filled[slot]!;
    this.filled[slot] = now;
  }

  /** Writes v_j of a slot into the table, with its length. */
  private write(slot: number): void {
    const { d, own, base, mode } = this;
    const { embeddings, norms } = this.home.items;
    const row = this.store.rows[slot]!;
    const counts = this.filled[slot] === 1 && mode !== 'collaborative';
    const e = counts && mode === 'content' ? 0 : 1;
    const c = counts ? 1 : 0;
    const from = slot * d;
    const to = row * d;
    let squares = 0;
    for (let k = 0; k < d; k++) {
      const value = Math.fround(e * own[from + k]! + c * base[from + k]!);
      embeddings[to + k] = value;
      squares += value * value;
    }
    norms[row] = Math.sqrt(squares);
  }

  /** Computes c_j W_c of some slots of a domain, and writes them. */
  private derive(domain: number, slots: readonly number[]): void {
    const { d, base, store } = this;
    const { size } = store;
    const block = this.home.block(contentKey(this.home.domainName(domain)));
    const content = new Float32Array(Math.min(CHUNK, slots.length) * size);
    for (let from = 0; from < slots.length; from += CHUNK) {
      const n = Math.min(CHUNK, slots.length - from);
      for (let i = 0; i < n; i++) {
        const at = slots[from + i]! * size;
        for (let k = 0; k < size; k++) content[i * size + k] = store.values[at + k]! * WEIGHT_UNIT;
      }
      const product = this.product(content.subarray(0, n * size), n, block);
      for (let i = 0; i < n; i++) {
        const slot = slots[from + i]!;
        base.set(product.subarray(i * d, (i + 1) * d), slot * d);
        this.write(slot);
      }
    }
  }

  private product(content: Float32Array, n: number, block: Float32Array): Float32Array {
    const { d } = this;
    const { size } = this.store;
    if (this.kernels === undefined) this.kernels = simdMatMul();
    const { kernels } = this;
    if (kernels !== null) return kernels.multiply(content, n, size, block, size, d, false, false);
    const out = new Float32Array(n * d);
    return multiplyInLoops(out, content, n, size, block, size, d, false, false);
  }

  private reserve(slots: number): void {
    if (slots * this.d <= this.own.length) return;
    const grown = (before: Float32Array) => {
      const next = new Float32Array(slots * this.d);
      next.set(before);
      return next;
    };
    this.own = grown(this.own);
    this.base = grown(this.base);
    const filled = new Uint8Array(slots);
    filled.set(this.filled);
    this.filled = filled;
  }
}
