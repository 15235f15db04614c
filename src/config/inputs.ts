/** The topics that events come from: their names, or a pattern that a whole name has to match. */
export type Inputs =
  | { readonly names: readonly string[]; readonly pattern: null }
  | { readonly names: null; readonly pattern: string };

export const TOPIC_NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;

/**
 * Returns what ISTHMUS_INPUT_TOPIC means, or null where it means nothing.
 *
 *     'clicks'          -> { names: ['clicks'] }
 *     'clicks, orders'  -> { names: ['clicks', 'orders'] }
 *     '/shop-.+/'       -> { pattern: 'shop-.+' }
 */
export function parseInputs(text: string): Inputs | null {
  const pattern = /^\/(.+)\/$/.exec(text)?.[1];
  if (pattern !== undefined) return compiles(pattern) ? { names: null, pattern } : null;
  const names = text.split(',').map((name) => name.trim());
  const valid =
    names.every((name) => TOPIC_NAME.test(name)) && new Set(names).size === names.length;
  return valid ? { names, pattern: null } : null;
}

/** Whether it is one topic, which tasks can read as it is. */
export function isOneTopic(text: string): boolean {
  return parseInputs(text)?.names?.length === 1;
}

function compiles(pattern: string): boolean {
  try {
    new RegExp(pattern);
    return true;
  } catch {
    return false;
  }
}
