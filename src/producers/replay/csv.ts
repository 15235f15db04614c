import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { describeError, IsthmusError } from '../../errors.js';
import { csvInvalid } from './errors.js';

/** A row and its line (the header is line 1). */
export interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
}

export interface CsvOptions {
  /** A row that is no CSV (a stray quote); the others go on. Throwing stops the reading. */
  readonly onBroken: (line: number, why: string) => void;
  readonly signal?: AbortSignal;
}

/** Longer lines are no CSV, and would fill the memory. */
const MAX_LINE = 1 << 20;

/**
 * Yields the rows of a CSV file, the header first, many at once. Memory stays bounded: the file is
 * read as fast as the rows are taken. A name that ends in .gz is decompressed.
 *
 * A row is a line: quoted cells may hold commas and doubled quotes, but no line breaks. So an unclosed
 * quote breaks its own line only (a parser that lets rows span lines would lose the rest of the
 * file to it), and a line without quotes is cut at its commas, which is fast.
 *
 * Errors: CSV_INVALID (usage) where the file cannot be read.
 */
export async function* readCsv(
  file: string,
  options: CsvOptions,
): AsyncGenerator<readonly CsvRow[], void, undefined> {
  const raw = createReadStream(file);
  let source: Readable = raw;
  if (file.endsWith('.gz')) {
    const gunzip = createGunzip();
    raw.on('error', (error) => gunzip.destroy(error));
    source = raw.pipe(gunzip);
  }
  source.setEncoding('utf8');
  let line = 0;
  let rest = '';
  try {
    for await (const chunk of source as AsyncIterable<string>) {
      if (options.signal?.aborted === true) return;
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE) throw csvInvalid(file, line + 1, 'the line has no end: no CSV');
      const rows = toRows(lines, line, options.onBroken);
      line += lines.length;
      if (rows.length > 0) yield rows;
    }
    const last = toRows([rest], line, options.onBroken);
    if (last.length > 0) yield last;
  } catch (error) {
    if (error instanceof IsthmusError) throw error;
    throw csvInvalid(file, null, `cannot be read: ${describeError(error)}`, error);
  } finally {
    raw.destroy();
    source.destroy();
  }
}

/** Returns the rows of these lines, without the empty ones; `before` is the number of lines before. */
function toRows(
  lines: readonly string[],
  before: number,
  onBroken: CsvOptions['onBroken'],
): CsvRow[] {
  const rows: CsvRow[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = before + i + 1;
    let text = lines[i]!;
    if (text.endsWith('\r')) text = text.slice(0, -1);
    if (line === 1 && text.startsWith('\ufeff')) text = text.slice(1);
    if (text === '') continue;
    const cells = text.includes('"') ? splitQuoted(text) : text.split(',');
    if (typeof cells === 'string') onBroken(line, cells);
    else rows.push({ line, cells });
  }
  return rows;
}

/** Returns the cells, or why the line has none. */
function splitQuoted(text: string): string[] | string {
  try {
    const rows = parse(text, { relax_column_count: true }) as string[][];
    return rows[0] ?? [];
  } catch (error) {
    // The parser counts lines from the one that it was given.
    return describeError(error).replace(/ (at|on) line 1\b/, '');
  }
}
