import Table from 'cli-table3';

/** Writes lines for people, or the answer to `--json`: one document, and nothing else on stdout. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function sayJson(value: unknown): void {
  say(JSON.stringify(value));
}

/** Returns a table; the columns named in `right` hold figures. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): string {
  const result = new Table({
    head: [...head],
    colAligns: head.map((name) => (right.includes(name) ? 'right' : 'left')),
    style: { head: [], border: [] },
  });
  result.push(...rows.map((row) => [...row]));
  return result.toString();
}

/** `12,345` */
export function figure(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** `12.3%` */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}
