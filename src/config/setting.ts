import { z } from 'zod';
import { parseInputs, TOPIC_NAME } from './inputs.js';

/** One row of the table of settings. */
export interface Setting<T> {
  /** Name in the environment. */
  readonly env: string;
  /** What is wanted, as a noun phrase: `a whole number from 1 to 10`. */
  readonly wants: string;
  /** The default, or how it is made of the settings before it. */
  readonly fallback: T | ((others: Readonly<Record<string, unknown>>) => T);
  /** The default for people: `<app>.user-state`. */
  readonly fallbackText: string;
  /** `ms`, `records`, ...; empty where there is none. */
  readonly unit: string;
  readonly description: string;
  /** Whether no message may say what was given, and `<env>_FILE` may name a file that has it. */
  readonly secret: boolean;
  /** Returns what may be shown of the value: secrets are hidden. */
  show(value: T): unknown;
  /** Returns the JSON value that the text of an environment variable stands for. */
  parseText(text: string): unknown;
  readonly schema: z.ZodType<T>;
}

interface Common<T> {
  readonly env: string;
  readonly unit?: string;
  readonly description: string;
  readonly fallback: Setting<T>['fallback'];
  readonly fallbackText?: string;
}

function setting<T>(
  common: Common<T>,
  rest: Pick<Setting<T>, 'wants' | 'schema'> & Partial<Setting<T>>,
): Setting<T> {
  const { fallback, fallbackText, unit, ...named } = common;
  const text = fallbackText ?? (typeof fallback === 'string' ? fallback : JSON.stringify(fallback));
  return {
    ...named,
    fallback,
    fallbackText: text ?? '',
    unit: unit ?? '',
    secret: false,
    show: (value) => value,
    parseText: (given) => given,
    ...rest,
  };
}

/** Text that matches a pattern. */
export function text(common: Common<string> & { pattern: RegExp; wants: string }): Setting<string> {
  const { pattern, wants, ...others } = common;
  return setting(others, { wants, schema: z.string().regex(pattern) });
}

/** A topic's name. */
export function topic(common: Common<string>): Setting<string> {
  return text({
    ...common,
    pattern: TOPIC_NAME,
    wants: 'the name of a topic: 1 to 249 of the characters A-Z a-z 0-9 . _ -',
  });
}

/** One or more topics, or a pattern of topics (see inputs.ts). */
export function topics(common: Common<string>): Setting<string> {
  return setting(common, {
    wants: 'the name of a topic, several between commas, or a regular expression as /pattern/',
    schema: z.string().refine((text) => parseInputs(text) !== null),
  });
}

/** Yes or no. */
export function flag(common: Common<boolean>): Setting<boolean> {
  const words = new Map([
    ['true', true],
    ['false', false],
  ]);
  return setting(common, {
    wants: 'one of true, false',
    schema: z.boolean(),
    parseText: (given) => words.get(given.toLowerCase()) ?? given,
  });
}

/** A number within bounds, both included. */
export function number(
  common: Common<number> & { min: number; max: number; whole?: boolean; wants?: string },
): Setting<number> {
  const { min, max, whole, wants, ...others } = common;
  const base = z.number().min(min).max(max);
  return setting(others, {
    wants: wants ?? `a ${whole === true ? 'whole ' : ''}number from ${min} to ${max}`,
    schema: whole === true ? base.int() : base,
    parseText: (given) => (/^[-+]?[\d.]+(e[-+]?\d+)?$/i.test(given) ? Number(given) : given),
  });
}

/** A number within bounds, both included, or a word in its place. */
export function numberOr<const Word extends string>(
  common: Common<number | Word> & { min: number; max: number; word: Word },
): Setting<number | Word> {
  const { min, max, word, ...others } = common;
  const { wants, schema, parseText } = number({ ...others, fallback: 0, min, max });
  return setting<number | Word>(others, {
    wants: `${wants}, or ${word}`,
    schema: z.union([schema, z.literal(word)]) as z.ZodType<number | Word>,
    parseText,
  });
}

export function whole(
  common: Common<number> & { min: number; max: number; wants?: string },
): Setting<number> {
  return number({ ...common, whole: true });
}

/** One of a few words. */
export function choice<const Words extends readonly [string, ...string[]]>(
  common: Common<Words[number]> & { words: Words },
): Setting<Words[number]> {
  const { words, ...others } = common;
  const schema = z.enum(words) as unknown as z.ZodType<Words[number]>;
  return setting(others, { wants: `one of ${words.join(', ')}`, schema });
}

/** What may be left out has no default. */
type Optional = Omit<Common<string | null>, 'fallback'>;

const NONE = { fallback: null, fallbackText: '' };

/** Text that nobody is to see, or none. */
export function secret(
  common: Optional & { pattern: RegExp; wants: string },
): Setting<string | null> {
  const { pattern, wants, ...others } = common;
  return setting<string | null>(
    { ...others, ...NONE },
    {
      wants,
      secret: true,
      schema: z.string().regex(pattern).nullable(),
      show: (value) => (value === null ? null : '***'),
    },
  );
}

/** Items between commas, or a JSON array in the file. */
export function list(
  common: Common<readonly string[]> & { pattern: RegExp; wants: string },
): Setting<readonly string[]> {
  const { pattern, wants, ...others } = common;
  return setting<readonly string[]>(others, {
    wants,
    schema: z.array(z.string().regex(pattern)).min(1),
    parseText: (given) =>
      given
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
  });
}

/** An http(s) address or none. Credentials in it are hidden. */
export function address(common: Optional & { secret?: boolean }): Setting<string | null> {
  const { secret, ...others } = common;
  const schema = z.url({ protocol: /^https?$/ }).nullable();
  const wants = 'an address that begins with http:// or https://';
  const rest = { wants, schema, show: hideCredentials, secret: secret === true };
  return setting<string | null>({ ...others, ...NONE }, rest);
}

/** Any text, or none. */
export function optionalText(common: Optional & { wants: string }): Setting<string | null> {
  const { wants, ...others } = common;
  return setting<string | null>(
    { ...others, ...NONE },
    { wants, schema: z.string().min(1).nullable() },
  );
}

function hideCredentials(value: string | null): string | null {
  if (value === null) return null;
  const url = new URL(value);
  if (url.username === '' && url.password === '') return value;
  url.username = '***';
  url.password = '';
  return url.href;
}

/** A value with a shape of its own, as JSON. */
export function json<T>(common: Common<T> & { schema: z.ZodType<T>; wants: string }): Setting<T> {
  const { schema, wants, ...others } = common;
  return setting(others, {
    wants,
    schema,
    parseText: (given) => {
      try {
        return JSON.parse(given) as unknown;
      } catch {
        return given;
      }
    },
  });
}
