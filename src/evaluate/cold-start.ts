import { basename } from 'node:path';
import { IsthmusError } from '../errors.js';
import type { PrequentialScoring } from '../online/prequential.js';
import { PrequentialSummary } from '../online/prequential-summary.js';
import { User } from '../online/user.js';
import { readCsv } from '../producers/replay/csv.js';
import { type Figures, figuresOf } from './figures.js';
import type { Pass } from './pass.js';

/** How well users are served in a domain where they have never been. */
export interface ColdStartResult extends Figures {
  readonly file: string;
  readonly domain: string;
  /** Different users. */
  readonly users: number;
  /** Items ranked: the means are over them. */
  readonly items: number;
  /** Items that the stream never had: nobody can find them, so they are not ranked. */
  readonly unknownItems: number;
  readonly mrr: number;
}

/** A row of the file: what the user went on to take in a domain that was new to them. */
export interface ColdStartRow {
  readonly userId: string;
  readonly itemId: string;
  readonly domain: string;
}

/** Rows that go through the tower at once. */
const ROWS_AT_ONCE = 256;

/**
 * Returns, by domain of the file, where the true items stand among 999 random other ones of their
 * domain, as of the model at hand; ties count against us. What else the user has in the file is not
 * among the others. The draws come from the learner's seed and the file's name.
 *
 * Errors: CSV_INVALID (usage).
 */
export async function scoreColdStart(pass: Pass, file: string): Promise<ColdStartResult[]> {
  return rankColdStart(pass, basename(file), await readColdStart(file));
}

/** As `scoreColdStart`, of rows that have been read. */
export function rankColdStart(
  pass: Pass,
  name: string,
  rows: readonly ColdStartRow[],
): ColdStartResult[] {
  const { model, users } = pass;
  const truths = trueItems(pass, rows);
  const summary = new PrequentialSummary();
  const unknown = new Map<string, number>();
  let scoring: PrequentialScoring | null = null;
  const flush = (): void => {
    for (const sample of scoring?.finish() ?? []) summary.add(sample);
    scoring = null;
  };
  let waiting = 0;
  for (const [i, { userId, itemId, domain }] of rows.entries()) {
    const row = model.find(domain, itemId);
    if (row < 0 || model.items.counts[row] === 0) {
      unknown.set(domain, (unknown.get(domain) ?? 0) + 1);
      continue;
    }
    scoring ??= pass.prequential.begin(`cold-start/${name}`, 0, BigInt(i));
    scoring.add(users.get(userId) ?? new User(userId), row, truths.get(userId)!);
    waiting++;
    if (waiting % ROWS_AT_ONCE === 0) flush();
  }
  flush();
  return summary.byDomain().map(({ domain, ...means }) => ({
    file: name,
    domain,
    users: new Set(rows.filter((row) => row.domain === domain).map((row) => row.userId)).size,
    items: means.samples,
    unknownItems: unknown.get(domain) ?? 0,
    ...figuresOf(means, pass.baselineNames),
    mrr: means.mrr,
  }));
}

function trueItems({ model }: Pass, rows: readonly ColdStartRow[]): Map<string, Set<number>> {
  const truths = new Map<string, Set<number>>();
  for (const { userId, itemId, domain } of rows) {
    const row = model.find(domain, itemId);
    const known = truths.get(userId) ?? new Set();
    truths.set(userId, known.add(row));
  }
  return truths;
}

async function readColdStart(file: string): Promise<ColdStartRow[]> {
  const invalid = (line: number, why: string): never => {
    throw new IsthmusError('CSV_INVALID', 'usage', `${file}, line ${line}: ${why}`);
  };
  const found: ColdStartRow[] = [];
  let columns: readonly string[] | null = null;
  for await (const rows of readCsv(file, { onBroken: invalid })) {
    for (const { line, cells } of rows) {
      if (columns === null) {
        columns = cells.map((cell) => cell.trim().toLowerCase());
        const missing = ['user_id', 'item_id', 'domain'].find((name) => !columns?.includes(name));
        if (missing !== undefined) invalid(line, `the header has no ${missing}`);
        continue;
      }
      const cell = (name: string): string => cells[columns?.indexOf(name) ?? -1] ?? '';
      const row = { userId: cell('user_id'), itemId: cell('item_id'), domain: cell('domain') };
      const empty = Object.entries(row).find(([, value]) => value === '')?.[0];
      if (empty !== undefined) invalid(line, `${empty} is empty`);
      found.push(row);
    }
  }
  if (columns === null) invalid(1, 'is empty');
  return found;
}
