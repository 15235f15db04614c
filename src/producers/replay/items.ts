import type { Item } from '../../serde/types.js';
import { type CsvRow, readCsv } from './csv.js';
import { csvInvalid } from './errors.js';

export interface ItemFileOptions {
  /** Whether a broken row stops the reading (CSV_INVALID); otherwise it is told and left out. */
  readonly strict?: boolean;
  readonly onBroken?: (line: number, why: string) => void;
  readonly signal?: AbortSignal;
}

const NEEDED = ['item_id', 'domain'];
const KNOWN = [...NEEDED, 'title', 'categories', 'tags', 'text'];
/** Of a column that holds the numbers of a given vector: `vector:image`. */
const VECTOR = 'vector:';

/**
 * Yields the items of a CSV file (plain or .gz) in the order of its rows, many at once.
 *
 * Header: `item_id,domain`, and optionally `title`, `categories` and `tags` (several between `|`), `text`,
 * and a column `vector:<name>` for each given vector (numbers between spaces), in any order. An empty
 * cell says nothing.
 *
 * Errors: CSV_INVALID (usage) for a file or header that cannot be read, and with `strict` for the first
 * broken row.
 */
export async function* readItems(
  file: string,
  options: ItemFileOptions = {},
): AsyncGenerator<readonly Item[], void, undefined> {
  const onBroken = (line: number, why: string): void => {
    if (options.strict === true) throw csvInvalid(file, line, why);
    options.onBroken?.(line, why);
  };
  const { signal } = options;
  let columns: readonly string[] | null = null;
  for await (const rows of readCsv(file, { onBroken, ...(signal ? { signal } : {}) })) {
    const items: Item[] = [];
    for (const row of rows) {
      if (columns === null) {
        columns = headerOf(file, row);
        continue;
      }
      const item = toItem(row, columns);
      if (typeof item === 'string') onBroken(row.line, item);
      else items.push(item);
    }
    if (items.length > 0) yield items;
  }
  if (columns === null) throw csvInvalid(file, null, 'is empty');
}

function headerOf(file: string, { cells, line }: CsvRow): readonly string[] {
  const names = cells.map((cell) => cell.trim().toLowerCase());
  for (const needed of NEEDED) {
    if (names.includes(needed)) continue;
    throw csvInvalid(file, line, `the header has no ${needed} (columns: ${KNOWN.join(', ')})`);
  }
  return names;
}

/** Returns the item, or why there is none. */
function toItem({ cells }: CsvRow, columns: readonly string[]): Item | string {
  if (cells.length !== columns.length) {
    return `has ${cells.length} columns, the header has ${columns.length}`;
  }
  const cell = (name: string): string => cells[columns.indexOf(name)] ?? '';
  const several = (name: string): string[] =>
    cell(name)
      .split('|')
      .map((label) => label.trim())
      .filter((label) => label !== '');
  const itemId = cell('item_id');
  const domain = cell('domain');
  if (itemId === '') return 'item_id is empty';
  if (domain === '') return 'domain is empty';
  const vectors: Record<string, number[]> = {};
  for (const [i, column] of columns.entries()) {
    const text = cells[i]!.trim();
    if (!column.startsWith(VECTOR) || text === '') continue;
    // As the record holds it: what is said of an item is the same with Kafka and without.
    const values = text.split(/\s+/).map((number) => Math.fround(Number(number)));
    if (!values.every(Number.isFinite)) return `${column} has what is no number`;
    vectors[column.slice(VECTOR.length)] = values;
  }
  return {
    itemId,
    domain,
    title: cell('title') || null,
    categories: several('categories'),
    tags: several('tags'),
    text: cell('text') || null,
    vectors,
  };
}
