import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type CsvError, type Options, parse } from 'csv-parse';
import { describeError, IsthmusError } from '../../errors.js';
import { csvInvalid } from './errors.js';

/** A row and the line that it ends on (the header is line 1). */
export interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
}

export interface CsvOptions {
  /** A row that is no CSV (a stray quote); the others go on. Throwing stops the reading. */
  readonly onBroken: (line: number, why: string) => void;
  readonly signal?: AbortSignal;
}

/** Rows that are handed on at once: one await for many, or waiting costs more than reading. */
const ROWS_AT_ONCE = 1000;

/**
 * Yields the rows of a CSV file, the header first, many at once. Memory stays bounded: the file is
 * read as fast as the rows are taken. A name that ends in .gz is decompressed.
 *
 * Errors: CSV_INVALID (usage) where the file cannot be read.
 */
export async function* readCsv(
  file: string,
  options: CsvOptions,
): AsyncGenerator<readonly CsvRow[], void, undefined> {
  const raw = createReadStream(file);
  const source: Readable = file.endsWith('.gz') ? raw.pipe(createGunzip()) : raw;
  const settings: Options<CsvRow, string[]> = {
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_record: (cells: string[], context): CsvRow => ({ line: context.lines, cells }),
    on_skip: (error: CsvError | undefined) => {
      try {
        options.onBroken(Number(error?.lines ?? 0), error?.message ?? 'no CSV');
      } catch (stop) {
        parser.destroy(stop as Error);
      }
      return undefined;
    },
  };
  // Its typings know on_record's own type for named columns only.
  const parser = parse(settings as unknown as Options);
  const fail = (error: Error): void => {
    parser.destroy(error);
  };
  raw.on('error', fail);
  source.on('error', fail);
  source.pipe(parser);
  try {
    let rows: CsvRow[] = [];
    for await (const row of parser as AsyncIterable<CsvRow>) {
      rows.push(row);
      if (rows.length < ROWS_AT_ONCE) continue;
      if (options.signal?.aborted === true) return;
      yield rows;
      rows = [];
    }
    if (rows.length > 0) yield rows;
  } catch (error) {
    if (error instanceof IsthmusError) throw error;
    throw csvInvalid(file, null, `cannot be read: ${describeError(error)}`, error);
  } finally {
    raw.destroy();
    parser.destroy();
  }
}
