import { type Block, type BlockShape, BlockTable } from './blocks.js';
import { grown } from './columns.js';
import { contentFault } from './content/delta.js';
import { contentSize } from './content/encoder.js';
import { type ContentMode, contentDomain, HybridRows } from './content/hybrid.js';
import { PLACES } from './content/sparse.js';
import { decodeDelta } from './delta-codec.js';
import { modelDigest } from './digest.js';
import { DomainTable, type RowList } from './domains.js';
import { WEIGHT_UNIT } from './grid.js';
import { initialEmbedding, isVacantRow } from './initial.js';
import { type PackedDelta, PackedReader } from './packed-delta.js';
import { ItemTable, type TableMemory } from './table.js';
import type { ContentDelta, Delta, DenseParameters } from './types.js';
import { Neighbours } from './wide/neighbours.js';
import { inOrder, neighbourFault } from './wide/pairs.js';

export interface ModelOptions {
  /** Rows start from PRNG(seed, key). */
  readonly seed: number;
  /** d, the size of embeddings and interests. */
  readonly dimension: number;
  /** Standard deviation of new embeddings; 0.02 is usual. */
  readonly initialScale: number;
  /** What the vector of an item with content is made of; default hybrid. Nothing is stored of it. */
  readonly mode?: ContentMode;
}

/**
 * Everything that is learned: the sum of the deltas applied to it, over initial values that depend on
 * seed and key alone.
 *
 * A row is *vacant* while it has its initial value, count 0 and accumulators 0; a block likewise.
 * What is vacant is not in the digest, so looking at it changes nothing. Row numbers and domain
 * indices are this process's own. A number from `intern` stays good for ever; one from `find` may
 * belong to a row that a revert takes away, if only deltas have named it.
 */
export class Model implements DenseParameters {
  readonly options: ModelOptions;
  readonly dimension: number;
  /** The model's version: events trained into it. */
  trainedEvents = 0;
  /** Grows by one with every apply and revert, so that what was derived from values can be kept. */
  revision = 0;
  /** Replaced columns and all: read them from here for each batch. */
  readonly items: ItemTable;
  /** Which items were seen together. */
  readonly neighbours: Neighbours;
  /** What is known of items beside behaviour, and what comes of it in the table. */
  readonly content: HybridRows;
  /** Another one whenever a row's number may go to another row; see RowNumbers. */
  numbering: object = {};
  private readonly domains = new DomainTable();
  private readonly blockTable: BlockTable;
  private readonly keys: string[] = [];
  /** Item ids by row, of rows that somebody has asked for: lists name the same few again and again. */
  private readonly ids: (string | undefined)[] = [];
  private readonly byKey = new Map<string, number>();
  private readonly domainByRow: number[] = [];
  /** Rows of the delta at hand. */
  private named = new Int32Array(64);
  private namedDomains = new Int32Array(64);
  /** Whether someone outside may hold the row's number. */
  private readonly pinned: boolean[] = [];
  /** Made when others' deltas come, where there are kernels. */
  private packedReader: PackedReader | null = null;

  constructor(options: ModelOptions, memory?: TableMemory) {
    this.options = options;
    this.dimension = options.dimension;
    this.items = new ItemTable(options.dimension, memory);
    this.neighbours = new Neighbours((row) => this.key(row), memory?.lists?.());
    this.blockTable = new BlockTable(options.dimension, options.seed);
    this.content = new HybridRows(this, options.dimension, options.mode ?? 'hybrid');
  }

  /** Brings the table up to date with content, where there is some: before anybody reads vectors. */
  settle(): void {
    this.content.settle();
  }

  /** e_j of an item of which more is known, a view; null where it is in the table. */
  ownEmbedding(row: number): Float32Array | null {
    return this.content.ownOf(row);
  }

  /** The row of an item, added at its initial value if it is new. */
  intern(domain: string, itemId: string): number {
    const key = `${domain}/${itemId}`;
    let row = this.byKey.get(key);
    if (row === undefined) row = this.addRow(key, this.domains.index(domain));
    if (!this.pinned[row]) {
      this.pinned[row] = true;
      this.domains.index(domain);
    }
    return row;
  }

  /** The row of an item, or -1. */
  find(domain: string, itemId: string): number {
    return this.byKey.get(`${domain}/${itemId}`) ?? -1;
  }

  /** `domain/itemId`; a domain's name has no slash, an item's may. */
  key(row: number): string {
    const key = this.keys[row];
    if (key === undefined) throw new RangeError(`There is no row ${row}`);
    return key;
  }

  itemId(row: number): string {
    const known = this.ids[row];
    if (known !== undefined) return known;
    const key = this.key(row);
    const id = key.slice(key.indexOf('/') + 1);
    this.ids[row] = id;
    return id;
  }

  domainOf(row: number): number {
    return this.domainByRow[row]!;
  }

  /** The index of a domain, added if it is new. */
  domainIndex(name: string): number {
    return this.domains.index(name);
  }

  /** The index of a domain, or -1. */
  findDomain(name: string): number {
    return this.domains.find(name);
  }

  domainName(index: number): string {
    return this.domains.name(index);
  }

  get domainCount(): number {
    return this.domains.count;
  }

  /**
   * The rows of a domain that have events, in the order of their first one: rows[0 .. length - 1].
   * The order depends on the order of deltas alone, not on what was interned before. Read only, and
   * afresh after each apply or revert.
   */
  rowsOf(domain: number): RowList {
    return this.domains.rows(domain);
  }

  /** Positive events of a domain: the sum of its items' counts. */
  eventsOf(domain: number): number {
    return this.domains.events(domain);
  }

  /** Positive events that the item of an event of a domain has in the mean: Σ c² / Σ c; 0 before the first. */
  meanCountOf(domain: number): number {
    const events = this.domains.events(domain);
    return events > 0 ? this.domains.squares(domain) / events : 0;
  }

  block(key: string): Float32Array {
    return this.blockTable.get(key).values;
  }

  blockShape(key: string): BlockShape {
    return this.blockTable.get(key).shape;
  }

  /** All that there is of a block. */
  blockOf(key: string): Block {
    return this.blockTable.get(key);
  }

  /** Blocks in which something may have been learned, sorted by key. */
  blocks(): [string, Block][] {
    return this.blockTable.sorted();
  }

  /** Adds a delta. Exact: any order of the same deltas gives the same values. */
  apply(delta: Delta): void {
    this.checkShapes(delta);
    const rows = this.rowsNamed(delta.items, this.ensureRow);
    this.items.add(rows, delta.items, 1);
    this.addOwn(rows, delta.items, 1);
    this.addBeside(delta, rows, delta.items.counts);
  }

  /**
   * As `apply(decodeDelta(bytes))`, and cheaper: where kernels can, items are added right out of the
   * bytes. Throws DeltaFormatError, and changes nothing then.
   */
  applyBytes(bytes: Uint8Array): void {
    const { memory } = this.items;
    const delta = this.packed(bytes);
    if (delta === null || memory.addPacked === undefined) {
      this.apply(decodeDelta(bytes));
      return;
    }
    const { counts } = delta;
    this.named = grown(this.named, counts.length);
    const rows = this.named.subarray(0, counts.length);
    delta.rows(rows, this.ensureRow);
    memory.addPacked(rows, delta.items, this.items.norms);
    this.addBeside(delta, rows, counts);
  }

  /**
   * Takes a delta away that has been applied: the exact inverse of `apply`, rows that it added
   * included (once nothing else is in them and no later row stands behind them).
   */
  revert(delta: Delta): void {
    this.checkShapes(delta);
    for (const key of delta.content?.keys ?? []) this.knownRow(key);
    const rows = this.rowsNamed(delta.items, this.knownRow);
    for (const block of delta.blocks) this.addToBlock(block, -1);
    if (delta.content !== undefined) this.addContent(delta.content, -1);
    this.addNeighbours(delta, rows, -1);
    for (let i = rows.length - 1; i >= 0; i--) this.recount(rows[i]!, -delta.items.counts[i]!);
    this.items.add(rows, delta.items, -1);
    this.addOwn(rows, delta.items, -1);
    this.trainedEvents -= delta.events;
    this.revision++;
    this.popVacant();
  }

  /** Canonical SHA-256 in hex; see digest.ts. */
  digest(): string {
    return modelDigest(this);
  }

  /** Whether nothing has been learned in a row. */
  isVacant(row: number): boolean {
    return (
      this.neighbours.isFree(row) &&
      this.content.store.isFree(row) &&
      isVacantRow(this.items, row, this.options, this.key(row))
    );
  }

  /** Copies of the keys and of the domain indices of all rows. */
  directory(): { readonly keys: string[]; readonly domains: number[] } {
    return { keys: this.keys.slice(), domains: this.domainByRow.slice() };
  }

  /**
   * Adds rows of zeros at the end, for a loader that fills them, and returns the first one's number.
   * `domains` are indices. The loader has to say the order of their first events too (`orderRows`).
   */
  appendRows(keys: readonly string[], domains: ArrayLike<number>): number {
    const first = this.items.size;
    for (let i = 0; i < keys.length; i++) {
      const row = this.items.append();
      this.keys.push(keys[i]!);
      this.ids.push(undefined);
      this.byKey.set(keys[i]!, row);
      this.domainByRow.push(domains[i]!);
      this.pinned.push(false);
      this.domains.addRow(domains[i]!);
    }
    if (this.byKey.size !== this.items.size) {
      throw new RangeError(`Among the rows from ${first} on are keys that the model has already`);
    }
    this.revision++;
    return first;
  }

  /** Says which rows of a domain have events, in the order of their first one; counts are in place. */
  orderRows(domain: number, rows: Int32Array): void {
    this.domains.order(domain, rows, this.items.counts);
    this.revision++;
  }

  /** Forgets everything. For a loader that has failed, before anybody else has looked. */
  clear(): void {
    this.numbering = {};
    this.items.clear();
    this.domains.clear();
    this.blockTable.clear();
    this.neighbours.clear();
    this.content.clear();
    this.byKey.clear();
    for (const list of [this.keys, this.ids, this.domainByRow, this.pinned]) list.length = 0;
    this.trainedEvents = 0;
    this.revision++;
  }

  /** The row of a key, added where it is new. */
  private readonly ensureRow = (key: string): number =>
    this.byKey.get(key) ?? this.addRow(key, this.domains.ensure(key.slice(0, key.indexOf('/'))));

  /** The row of a key of a delta that is to be taken away. */
  private readonly knownRow = (key: string): number => {
    const row = this.byKey.get(key);
    if (row !== undefined) return row;
    throw new RangeError(`Cannot revert: the model has no item ${key}; was the delta applied?`);
  };

  private addRow(key: string, domain: number): number {
    const row = this.items.append();
    const embedding = initialEmbedding(this.options, key);
    this.items.embeddings.set(embedding, row * this.dimension);
    this.items.norms[row] = Math.sqrt(embedding.reduce((sum, value) => sum + value * value, 0));
    this.keys.push(key);
    this.ids.push(undefined);
    this.byKey.set(key, row);
    this.domainByRow.push(domain);
    this.pinned.push(false);
    this.domains.addRow(domain);
    return row;
  }

  private popVacant(): void {
    for (let row = this.items.size - 1; row >= 0; row--) {
      if (this.pinned[row] || !this.isVacant(row)) return;
      this.numbering = {};
      this.items.pop();
      this.neighbours.drop(row);
      this.content.drop(row);
      this.byKey.delete(this.keys.pop()!);
      this.ids.pop();
      this.pinned.pop();
      this.domains.dropRow(this.domainByRow.pop()!);
    }
  }

  /** The rows of a delta's items, good until the next delta; `rowOf` says those that are not at hand. */
  private rowsNamed({ keys, rows }: Delta['items'], rowOf: (key: string) => number): Int32Array {
    const n = keys.length;
    this.named = grown(this.named, n);
    if (rows?.numbering === this.numbering) this.named.set(rows.numbers);
    else for (let i = 0; i < n; i++) this.named[i] = rowOf(keys[i]!);
    return this.named.subarray(0, n);
  }

  /** A delta that kernels can add out of its bytes; null: it has to be decoded. */
  private packed(bytes: Uint8Array): PackedDelta | null {
    // What is kept beside the table is added to by values.
    if (this.items.memory.addPacked === undefined || !this.content.isEmpty) return null;
    this.packedReader ??= PackedReader.for(this);
    const delta = this.packedReader?.read(bytes) ?? null;
    if (delta === null || delta.content !== undefined) return null;
    return delta.dimension === this.dimension && this.blockFault(delta) === null ? delta : null;
  }

  /** Adds all of a delta but what `ItemTable.add` does. */
  private addBeside(delta: Omit<Delta, 'items'>, rows: Int32Array, counts: Int32Array): void {
    for (let i = 0; i < rows.length; i++) this.recount(rows[i]!, counts[i]!);
    this.addNeighbours(delta, rows, 1);
    if (delta.content !== undefined) this.addContent(delta.content, 1);
    for (const block of delta.blocks) this.addToBlock(block, 1);
    this.trainedEvents += delta.events;
    this.revision++;
  }

  /** Of rows whose embeddings are kept beside the table: adds to those. */
  private addOwn(rows: Int32Array, { values }: Delta['items'], sign: 1 | -1): void {
    const { content } = this;
    if (content.isEmpty) return;
    const unit = sign * WEIGHT_UNIT;
    for (let i = 0; i < rows.length; i++) {
      content.addOwn(rows[i]!, values, i * (this.dimension + 1), unit);
    }
  }

  /** Adds to the positive events of a row. */
  private recount(row: number, count: number): void {
    if (count === 0) return;
    const { counts } = this.items;
    const before = counts[row]!;
    const after = before + count;
    counts[row] = after;
    this.domains.recount(this.domainByRow[row]!, row, before, after);
  }

  private addNeighbours(
    { neighbours }: Pick<Delta, 'neighbours'>,
    rows: Int32Array,
    sign: 1 | -1,
  ): void {
    if (neighbours === undefined) return;
    const { both, oneWay } = neighbours;
    const named = { rows, domains: this.domainsOf(rows) };
    this.neighbours.addColumns(both, named, sign);
    const back = { from: both.to, to: both.from, counts: both.counts };
    // In order of the list that they go to, so that what lies together is met together.
    this.neighbours.addColumns(back, named, sign, inOrder(both.to, rows.length));
    this.neighbours.addColumns(oneWay, named, sign);
  }

  /** Indices of the rows' domains, good until the next delta. */
  private domainsOf(rows: Int32Array): Int32Array {
    const { domainByRow } = this;
    this.namedDomains = grown(this.namedDomains, rows.length);
    const { namedDomains } = this;
    for (let i = 0; i < rows.length; i++) namedDomains[i] = domainByRow[rows[i]!]!;
    return namedDomains;
  }

  private addContent(delta: ContentDelta, sign: 1 | -1): void {
    const { keys, values, categories, features } = delta;
    const size = contentSize(this.dimension);
    for (let i = 0; i < keys.length; i++) {
      const row = this.ensureRow(keys[i]!);
      this.content.add(row, values, i * size, categories[i]!, sign);
      if (features !== undefined) this.content.addFeatures(row, features, i * PLACES, sign);
    }
  }

  private addToBlock(delta: Delta['blocks'][number], sign: 1 | -1): void {
    const domain = contentDomain(delta.key);
    if (domain !== null) this.content.changed(this.domains.find(domain));
    this.blockTable.get(delta.key).add(delta.values, delta.accumulators, sign);
  }

  /** Before anything is changed, so that a delta of another shape leaves no trace. */
  private checkShapes(delta: Delta): void {
    const { keys, counts, values, accumulators } = delta.items;
    const n = keys.length;
    const fault = neighbourFault(delta) ?? contentFault(delta, contentSize(this.dimension));
    if (fault !== null) throw new RangeError(fault);
    if (
      counts.length !== n ||
      values.length !== n * (this.dimension + 1) ||
      accumulators.length !== n * 2
    ) {
      throw new RangeError(
        `A delta of ${n} items has ${values.length} values; this model's dimension is ${this.dimension}`,
      );
    }
    const misshapen = this.blockFault(delta);
    if (misshapen !== null) throw new RangeError(misshapen);
  }

  /** What is wrong with the shapes of a delta's blocks, or null. */
  private blockFault({ blocks }: Pick<Delta, 'blocks'>): string | null {
    for (const { key, values, accumulators } of blocks) {
      const block = this.blockTable.get(key);
      if (
        values.length !== block.values.length ||
        accumulators.length !== block.accumulators.length
      ) {
        return `The delta's block ${key} has ${values.length} values, the model's (of dimension ${this.dimension}) ${block.values.length}`;
      }
    }
    return null;
  }
}
