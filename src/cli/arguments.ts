import { type Command, InvalidArgumentError } from 'commander';

/** What every command takes. */
export interface CommonOptions {
  readonly config?: string;
}

/** Adds the options of all commands, and examples below the help. */
export function withCommon(command: Command, examples: readonly string[]): Command {
  return command
    .option('--config <file>', 'JSON file of settings; the environment goes before it')
    .addHelpText('after', ['', 'Examples:', ...examples.map((line) => `  ${line}`)].join('\n'));
}

/** Parses a whole number within bounds, both included. */
export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    const wanted = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`A whole number, ${wanted}, is wanted.`);
  };
}

/** Parses a number of 0 or more. */
export function rate(text: string): number {
  const value = /^\d{1,9}(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 0) return value;
  throw new InvalidArgumentError('A number, 0 or more, is wanted.');
}

/** Parses a name that is not empty. */
export function filled(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError('A name is wanted, not an empty one.');
}

/** Gathers an option that may be given several times. */
export function several(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** Gathers whole numbers within bounds. */
export function severalWhole(min: number, max: number) {
  const parse = whole(min, max);
  return (text: string, before: readonly number[] = []): readonly number[] => [
    ...before,
    parse(text),
  ];
}
