import { readFileSync } from 'node:fs';
import { IsthmusError } from '../errors.js';
import type { SettingRow } from './table.js';

/** The name that a file with the setting's value is given by; null where it is no secret. */
export function fileVariable(row: Pick<SettingRow, 'env' | 'secret'>): string | null {
  return row.secret ? `${row.env}_FILE` : null;
}

/**
 * Returns the text of a secret's file, without white space around it.
 *
 * Errors: SETTING_INVALID (usage), which names `variable`, where it cannot be read or is empty.
 */
export function readSecret(variable: string, file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw problem(`${variable} is "${file}": wants a file that can be read (${reason})`, cause);
  }
  if (text === '') throw problem(`${variable} is "${file}": wants a file that is not empty`);
  return text;
}

function problem(message: string, cause?: unknown): IsthmusError {
  return new IsthmusError('SETTING_INVALID', 'usage', message, { cause });
}
