import { basename } from 'node:path';
import type { BehaviorEvent } from '../../online/types.js';
import { type CsvRow, readCsv } from './csv.js';
import { csvInvalid } from './errors.js';

export interface EventFileOptions {
  /** Whether a broken row stops the reading (CSV_INVALID); otherwise it is counted and left out. */
  readonly strict?: boolean;
  /** Called for each broken row that is left out. */
  readonly onBroken?: (line: number, why: string) => void;
  /** The action of rows that have none. `interact` (weight 1) by default. */
  readonly action?: string;
  readonly signal?: AbortSignal;
}

/** Event time of `sequence` 0. */
export const SEQUENCE_START_MS = Date.UTC(2000, 0, 1);
/** Event time from one `sequence` to the next. */
export const SEQUENCE_STEP_MS = 1000;

/**
 * Yields the events of a CSV file (plain or .gz) in the order of its rows, many at once.
 *
 * Header: `user_id,item_id,domain`, then `time` (milliseconds since the epoch, or ISO 8601) or
 * `sequence` (a number; event time is 2000-01-01 plus so many seconds), and optionally `value`,
 * `action` and `event_id`, in any order. Where there is no `event_id` it is `<file name>:<line>`, so
 * that a file that is replayed twice is known again.
 *
 * Errors: CSV_INVALID (usage) for a file or header that cannot be read, and with `strict` for the
 * first broken row, with its line and the reason.
 */
export async function* readEvents(
  file: string,
  options: EventFileOptions = {},
): AsyncGenerator<readonly BehaviorEvent[], void, undefined> {
  const onBroken = (line: number, why: string): void => {
    if (options.strict === true) throw csvInvalid(file, line, why);
    options.onBroken?.(line, why);
  };
  const { signal } = options;
  let columns: Columns | null = null;
  const source = basename(file);
  for await (const rows of readCsv(file, { onBroken, ...(signal ? { signal } : {}) })) {
    const events: BehaviorEvent[] = [];
    for (const row of rows) {
      if (columns === null) {
        columns = readHeader(file, row);
        continue;
      }
      const event = toEvent(row, columns, source, options.action ?? 'interact');
      if (typeof event === 'string') onBroken(row.line, event);
      else events.push(event);
    }
    if (events.length > 0) yield events;
  }
  if (columns === null) throw csvInvalid(file, null, 'is empty');
}

interface Columns {
  readonly count: number;
  readonly user: number;
  readonly item: number;
  readonly domain: number;
  readonly value: number;
  readonly action: number;
  readonly eventId: number;
  readonly time: number;
  readonly sequence: number;
}

const KNOWN = 'user_id, item_id, domain, value, time or sequence, action, event_id';

function readHeader(file: string, row: CsvRow): Columns {
  const names = row.cells.map((name) => name.trim().toLowerCase());
  const at = (name: string) => names.indexOf(name);
  for (const needed of ['user_id', 'item_id', 'domain']) {
    if (at(needed) >= 0) continue;
    throw csvInvalid(file, row.line, `the header has no ${needed} (columns: ${KNOWN})`);
  }
  if (at('time') < 0 && at('sequence') < 0) {
    throw csvInvalid(file, row.line, `the header has neither time nor sequence`);
  }
  return {
    count: names.length,
    user: at('user_id'),
    item: at('item_id'),
    domain: at('domain'),
    value: at('value'),
    action: at('action'),
    eventId: at('event_id'),
    time: at('time'),
    sequence: at('sequence'),
  };
}

/** Returns the event, or why there is none. */
function toEvent(
  row: CsvRow,
  columns: Columns,
  source: string,
  defaultAction: string,
): BehaviorEvent | string {
  const { cells, line } = row;
  if (cells.length !== columns.count) {
    return `has ${cells.length} columns, the header has ${columns.count}`;
  }
  const userId = cells[columns.user] ?? '';
  const itemId = cells[columns.item] ?? '';
  const domain = cells[columns.domain] ?? '';
  if (userId === '') return 'user_id is empty';
  if (itemId === '') return 'item_id is empty';
  if (domain === '') return 'domain is empty';

  const valueText = cells[columns.value] ?? '';
  const value = valueText === '' ? null : Number(valueText);
  if (value !== null && !Number.isFinite(value)) return `value "${valueText}" is no number`;

  const occurredAtMs =
    columns.time >= 0
      ? parseTime(cells[columns.time] ?? '')
      : parseSequence(cells[columns.sequence] ?? '');
  if (occurredAtMs === null) {
    return columns.time >= 0
      ? `time "${cells[columns.time]}" is neither milliseconds nor ISO 8601`
      : `sequence "${cells[columns.sequence]}" is no whole number`;
  }
  const action = cells[columns.action] || defaultAction;
  const eventId = cells[columns.eventId] || `${source}:${line}`;
  return { userId, itemId, domain, action, value, occurredAtMs, eventId };
}

function parseTime(text: string): number | null {
  if (/^-?\d{1,16}(\.\d+)?$/.test(text)) return Math.floor(Number(text));
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return null;
  const parsed = Date.parse(text);
  return Number.isNaN(parsed) ? null : parsed;
}

function parseSequence(text: string): number | null {
  return /^\d{1,12}$/.test(text) ? SEQUENCE_START_MS + Number(text) * SEQUENCE_STEP_MS : null;
}
