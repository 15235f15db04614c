/**
 * The domains that have been met, by index, and the rows of each that have events.
 *
 * Indices are in order of arrival in this process: never write them down, write names.
 */

const NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** rows[0 .. length - 1] */
export interface RowList {
  readonly rows: Int32Array;
  readonly length: number;
  /** Where it is the number that it was, rows were at most added at the end. */
  readonly epoch: number;
}

class Domain {
  readonly name: string;
  /** Rows whose count is above 0, in the order in which it became so. */
  rows = new Int32Array(16);
  length = 0;
  /** Sum of the counts. */
  events = 0;
  /** Sum of their squares. */
  squares = 0;
  /** Rows of the table that belong here, with or without events. */
  tableRows = 0;
  /** Whether someone holds the index, so that it must keep its meaning. */
  pinned = false;
  /** Another number whenever rows were taken away or put in another order, not only added. */
  epoch: number;

  constructor(name: string, epoch: number) {
    this.name = name;
    this.epoch = epoch;
  }

  add(row: number): void {
    if (this.length === this.rows.length) {
      const next = new Int32Array(this.length * 2);
      next.set(this.rows);
      this.rows = next;
    }
    this.rows[this.length++] = row;
  }

  remove(row: number): void {
    // What is reverted came late, so look from the end; what came after it moves up, in order.
    const at = this.rows.subarray(0, this.length).lastIndexOf(row);
    if (at < 0) return;
    this.rows.copyWithin(at, at + 1, this.length);
    this.length--;
  }
}

export class DomainTable {
  private readonly domains: Domain[] = [];
  private readonly byName = new Map<string, number>();
  private epochs = 0;

  get count(): number {
    return this.domains.length;
  }

  /** The index of a domain, or -1. */
  find(name: string): number {
    return this.byName.get(name) ?? -1;
  }

  /** The index of a domain, added if it is new; it keeps its meaning for good. */
  index(name: string): number {
    const index = this.ensure(name);
    this.domains[index]!.pinned = true;
    return index;
  }

  /** As `index`, but the domain goes away again with its last row (see `dropRow`). */
  ensure(name: string): number {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    if (!NAME.test(name)) {
      throw new RangeError(
        `A domain's name is 1 to 64 of the characters A-Z a-z 0-9 . _ -, not ${JSON.stringify(name)}`,
      );
    }
    this.byName.set(name, this.domains.length);
    return this.domains.push(new Domain(name, ++this.epochs)) - 1;
  }

  name(index: number): string {
    return this.at(index).name;
  }

  events(index: number): number {
    return this.at(index).events;
  }

  squares(index: number): number {
    return this.at(index).squares;
  }

  rows(index: number): RowList {
    return this.at(index);
  }

  addRow(index: number): void {
    this.at(index).tableRows++;
  }

  dropRow(index: number): void {
    this.at(index).tableRows--;
    for (let last = this.domains.at(-1); last !== undefined; last = this.domains.at(-1)) {
      if (last.pinned || last.tableRows > 0) return;
      this.byName.delete(last.name);
      this.domains.pop();
    }
  }

  /** Follows a row's count from `before` to `after`. */
  recount(index: number, row: number, before: number, after: number): void {
    const domain = this.at(index);
    domain.events += after - before;
    domain.squares += after ** 2 - before ** 2;
    if (before <= 0 && after > 0) domain.add(row);
    else if (before > 0 && after <= 0) {
      domain.remove(row);
      domain.epoch = ++this.epochs;
    }
  }

  /** Takes `rows` as the domain's rows with events; their counts are in place. */
  order(index: number, rows: Int32Array, counts: Int32Array): void {
    const domain = this.at(index);
    domain.rows = new Int32Array(Math.max(16, rows.length));
    domain.rows.set(rows);
    domain.length = rows.length;
    domain.epoch = ++this.epochs;
    domain.events = 0;
    domain.squares = 0;
    for (let i = 0; i < rows.length; i++) {
      domain.events += counts[rows[i]!]!;
      domain.squares += counts[rows[i]!]! ** 2;
    }
  }

  clear(): void {
    this.domains.length = 0;
    this.byName.clear();
  }

  private at(index: number): Domain {
    const domain = this.domains[index];
    if (domain === undefined) throw new RangeError(`There is no domain with index ${index}`);
    return domain;
  }
}
