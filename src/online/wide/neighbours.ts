import { type Entries, NeighbourList, type RowOrder } from './neighbour-list.js';

export { type Entries, NeighbourList } from './neighbour-list.js';

/** The lists of one item, by domain of the neighbours. */
interface Node {
  /** Whose it is; others must not change it. */
  owner: object;
  readonly lists: NeighbourList[];
}

/**
 * How often items were seen together: c(i→j) counts events of j by users with i among their newest
 * items, and events of i with j there (see pairs.ts); sums of deltas, so exact and in no order.
 *
 *     neighbours.add(i, j, domainOf(j), 1);
 *     neighbours.get(i, j, domainOf(j)); // 1 more than before
 *
 * Cut down by what is written to the log (eviction.ts), so that every replica has the same.
 */
export class Neighbours {
  private readonly order: RowOrder;
  private nodes: (Node | undefined)[] = [];
  /** By row: entries in the lists of others that name it. */
  private named = new Int32Array(64);
  /** By row: hash of the key, or 0 where it was not asked for yet. */
  private hashes = new Uint32Array(64);
  private mark: object = {};

  constructor(key: (row: number) => string) {
    this.order = { key, hash: (row) => this.hash(row) };
  }

  /** Adds to c(from→to); `domain` is the index of `to`'s domain. */
  add(from: number, to: number, domain: number, count: number): void {
    const grown = this.listForChange(from, domain).add(to, count);
    if (grown === 0) return;
    if (to >= this.named.length) this.reserve(to + 1);
    this.named[to]! += grown;
  }

  get(from: number, to: number, domain: number): number {
    return this.list(from, domain)?.get(to) ?? 0;
  }

  /** The list of an item in a domain. Read only. */
  list(row: number, domain: number): NeighbourList | undefined {
    const node = this.nodes[row];
    if (node === undefined) return undefined;
    for (const list of node.lists) if (list.domain === domain) return list;
    return undefined;
  }

  /** All lists of an item. Read only. */
  listsOf(row: number): readonly NeighbourList[] {
    return this.nodes[row]?.lists ?? [];
  }

  /** Places of all neighbours of an item, in rising order. */
  othersOf(row: number, places: Int32Array): Int32Array {
    const lists = this.listsOf(row);
    const others = new Int32Array(lists.reduce((sum, { size }) => sum + size, 0));
    let n = 0;
    for (const { entries, size } of lists) {
      for (let i = 0; i < size; i++) others[n++] = places[entries[i * 2]!]!;
    }
    return others.sort();
  }

  /** What has to leave a list for it to be down to `limit`, in an order of its own for each list. */
  excess(row: number, list: NeighbourList, limit: number): Entries {
    return list.excess(limit, this.order, this.hash(row));
  }

  /** Whether an item has no neighbours and is nobody's. */
  isFree(row: number): boolean {
    if (this.named[row] !== undefined && this.named[row] !== 0) return false;
    return this.listsOf(row).every((list) => list.size === 0);
  }

  /** A whole number below 2^32 that depends on the row's key alone. */
  hash(row: number): number {
    this.reserve(row + 1);
    let hash = this.hashes[row]!;
    if (hash === 0) {
      hash = keyHash(this.order.key(row)) || 1;
      this.hashes[row] = hash;
    }
    return hash;
  }

  /** Forgets a row that is free: its number goes to another item. */
  drop(row: number): void {
    this.nodes[row] = undefined;
    if (row < this.hashes.length) this.hashes[row] = 0;
  }

  clear(): void {
    this.nodes = [];
    this.named.fill(0);
    this.hashes.fill(0);
  }

  /**
   * A copy that changes by itself. It costs a pointer for each row; lists are shared until one of the
   * two changes them.
   */
  fork(): Neighbours {
    const copy = new Neighbours(this.order.key);
    copy.nodes = this.nodes.slice();
    copy.named = this.named.slice();
    copy.hashes = this.hashes.slice();
    this.mark = {};
    return copy;
  }

  /** Bytes of the lists. */
  get bytes(): number {
    let bytes = 0;
    for (const node of this.nodes) {
      for (const list of node?.lists ?? []) bytes += list.bytes;
    }
    return bytes;
  }

  private listForChange(row: number, domain: number): NeighbourList {
    let node = this.nodes[row];
    if (node === undefined) {
      node = { owner: this.mark, lists: [] };
      // Rows come in any order: no holes, or the array turns into a dictionary.
      while (this.nodes.length < row) this.nodes.push(undefined);
      this.nodes[row] = node;
    } else if (node.owner !== this.mark) {
      node = { owner: this.mark, lists: node.lists.map((list) => list.clone()) };
      this.nodes[row] = node;
    }
    for (const list of node.lists) if (list.domain === domain) return list;
    const list = new NeighbourList(domain);
    node.lists.push(list);
    return list;
  }

  private reserve(rows: number): void {
    if (rows <= this.named.length) return;
    const capacity = Math.max(rows, this.named.length * 2);
    const named = new Int32Array(capacity);
    named.set(this.named);
    this.named = named;
    const hashes = new Uint32Array(capacity);
    hashes.set(this.hashes);
    this.hashes = hashes;
  }
}

/** FNV-1a over UTF-16 code units, 32 bits. */
export function keyHash(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  return hash >>> 0;
}
