import { IsthmusError } from '../../errors.js';

/** A file that cannot be replayed (CSV_INVALID, usage): says which file, line and why. */
export function csvInvalid(file: string, line: number | null, why: string, cause?: unknown) {
  const place = line === null ? file : `${file}, line ${line}`;
  return new IsthmusError('CSV_INVALID', 'usage', `${place}: ${why}`, { cause });
}
