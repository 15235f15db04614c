/**
 * Pages of which a machine writes some parts. A part stands between two comments,
 *
 *     <!-- figures: NAME -->
 *     ...
 *     <!-- /figures: NAME -->
 *
 * and all else is for people to write.
 */

const begin = (name: string): string => `<!-- figures: ${name} -->`;
const end = (name: string): string => `<!-- /figures: ${name} -->`;

/** Returns the page with another text in the named part. RangeError where the page has no such part. */
export function withPart(page: string, name: string, text: string): string {
  const from = page.indexOf(begin(name));
  const to = page.indexOf(end(name), from);
  if (from < 0 || to < 0) throw new RangeError(`The page has no part ${begin(name)}`);
  return `${page.slice(0, from)}${begin(name)}\n\n${text.trim()}\n\n${page.slice(to)}`;
}

/** The names of a page's parts, in order. */
export function partsOf(page: string): string[] {
  return [...page.matchAll(/^<!-- figures: ([\w-]+) -->$/gm)].map((match) => match[1]!);
}

/** A table in Markdown; figures stand to the right. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

/** Commands, as a block to copy. */
export function commandsOf(commands: readonly string[]): string {
  return ['```sh', ...commands, '```'].join('\n');
}
