import { CommanderError } from 'commander';
import { describeError, IsthmusError } from '../errors.js';

/** A command was called wrongly: setting, argument, port, Java. */
export const EXIT_USAGE = 2;

/**
 * Returns the exit code for an error that ended a command: 2 where the call was wrong (disposition
 * `usage`, and what commander refuses), 0 for help that was asked for, otherwise 1.
 */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  return error instanceof IsthmusError && error.disposition === 'usage' ? EXIT_USAGE : 1;
}

/**
 * Returns what people are told: the code, what happened and what to do next. `debug` adds the stack
 * and those of the causes.
 */
export function failureText(error: unknown, debug: boolean): string {
  const known = error instanceof IsthmusError;
  const code = known ? error.code : 'UNEXPECTED';
  const text = (error instanceof Error ? error.message : String(error)).trimEnd();
  const sentence = /[.!?]$|\n/.test(text) ? text : `${text}.`;
  const told = `isthmus: ${code}: ${sentence}${causes(error)}`;
  if (debug) return `${told}\n${stacks(error)}`;
  return known ? told : `${told} This should not be: ISTHMUS_LOG_LEVEL=debug says where.`;
}

function causes(error: unknown): string {
  if (!(error instanceof Error) || error.cause === undefined) return '';
  const text = describeError(error.cause).trim().replace(/\.$/, '');
  return text === '' || error.message.includes(text) ? '' : ` Cause: ${text}.`;
}

function stacks(error: unknown, depth = 0): string {
  if (!(error instanceof Error) || depth > 4) return '';
  const cause = stacks(error.cause, depth + 1);
  return `${error.stack ?? error.message}${cause === '' ? '' : `\ncaused by: ${cause}`}`;
}

/** Writes the error to stderr; commander has said its own already. */
export function report(error: unknown): void {
  if (error instanceof CommanderError) return;
  const debug = /^(debug|trace)$/.test(process.env.ISTHMUS_LOG_LEVEL ?? '');
  process.stderr.write(`${failureText(error, debug)}\n`);
}
