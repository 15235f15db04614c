import { PLACES } from './sparse.js';

/**
 * What is known of items beside behaviour: the content rows c_j, main categories and features of a model, sums of
 * deltas like all else.
 */
export class ContentStore {
  /** C */
  readonly size: number;
  /** Slots that were given out, freed ones among them. */
  slots = 0;
  /** By slot: row of the item table, or -1. */
  rows = new Int32Array(16);
  /** (slots, C) multiples of the weight grid, in units. */
  values: Int32Array;
  /** By slot; 0: none is known. */
  categories = new Int32Array(16);
  /** (slots, 64) features (sparse.ts): numbers modulo 2^16, so that they, too, are sums in any order. */
  features = new Uint16Array(16 * PLACES);
  /** By row: 1 + slot, or 0. */
  private bySlot = new Int32Array(0);
  private freed: number[] = [];

  constructor(size: number) {
    this.size = size;
    this.values = new Int32Array(16 * size);
  }

  /** The slot of a row, or -1. */
  slotOf(row: number): number {
    return (this.bySlot[row] ?? 0) - 1;
  }

  /** The slot of a row, given out if it has none. */
  slotFor(row: number): number {
    const known = this.slotOf(row);
    if (known >= 0) return known;
    const slot = this.freed.pop() ?? this.slots++;
    if (slot === this.rows.length) this.grow();
    if (row >= this.bySlot.length) {
      const next = new Int32Array(Math.max(64, row * 2));
      next.set(this.bySlot);
      this.bySlot = next;
    }
    this.rows[slot] = row;
    this.bySlot[row] = slot + 1;
    return slot;
  }

  /** Adds sign · values[at .. at + C - 1] and sign · category to what a slot has. */
  add(slot: number, values: ArrayLike<number>, at: number, category: number, sign: 1 | -1): void {
    const { size } = this;
    const to = slot * size;
    for (let k = 0; k < size; k++) this.values[to + k]! += sign * values[at + k]!;
    this.categories[slot]! += sign * category;
  }

  /** Adds sign · features[at .. at + 63] to those of a slot. */
  addFeatures(slot: number, features: Uint16Array, at: number, sign: 1 | -1): void {
    const to = slot * PLACES;
    for (let i = 0; i < PLACES; i++) this.features[to + i]! += sign * features[at + i]!;
  }

  /** Whether a slot has features. */
  hasFeatures(slot: number): boolean {
    const { features } = this;
    for (let at = slot * PLACES; at < (slot + 1) * PLACES; at++)
      if (features[at] !== 0) return true;
    return false;
  }

  /** Whether a slot has a c_j other than 0. */
  isFilled(slot: number): boolean {
    const { size, values } = this;
    for (let at = slot * size; at < (slot + 1) * size; at++) if (values[at] !== 0) return true;
    return false;
  }

  /** Whether nothing is known of a row. */
  isFree(row: number): boolean {
    const slot = this.slotOf(row);
    if (slot < 0) return true;
    return this.categories[slot] === 0 && !this.isFilled(slot) && !this.hasFeatures(slot);
  }

  /** The main category of a row, or 0. */
  categoryOf(row: number): number {
    const slot = this.slotOf(row);
    return slot < 0 ? 0 : this.categories[slot]!;
  }

  /** Forgets a row that is free: its number goes to another item. */
  drop(row: number): void {
    const slot = this.slotOf(row);
    if (slot < 0) return;
    this.bySlot[row] = 0;
    this.rows[slot] = -1;
    this.freed.push(slot);
  }

  clear(): void {
    this.values.fill(0, 0, this.slots * this.size);
    this.categories.fill(0, 0, this.slots);
    this.features.fill(0, 0, this.slots * PLACES);
    this.bySlot.fill(0);
    this.slots = 0;
    this.freed = [];
  }

  /** A copy that changes by itself. */
  fork(): ContentStore {
    const copy = new ContentStore(this.size);
    copy.slots = this.slots;
    copy.rows = this.rows.slice();
    copy.values = this.values.slice();
    copy.categories = this.categories.slice();
    copy.features = this.features.slice();
    copy.bySlot = this.bySlot.slice();
    copy.freed = this.freed.slice();
    return copy;
  }

  get bytes(): number {
    const { values, features, rows, bySlot } = this;
    return values.byteLength + features.byteLength + rows.byteLength * 2 + bySlot.byteLength;
  }

  private grow(): void {
    const capacity = this.rows.length * 2;
    const rows = new Int32Array(capacity);
    rows.set(this.rows);
    this.rows = rows;
    const values = new Int32Array(capacity * this.size);
    values.set(this.values);
    this.values = values;
    const categories = new Int32Array(capacity);
    categories.set(this.categories);
    this.categories = categories;
    const features = new Uint16Array(capacity * PLACES);
    features.set(this.features);
    this.features = features;
  }
}
