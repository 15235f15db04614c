/** Words of PromQL that could be taken for the name of a metric. */
const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan', 'atan2']);

/** The vector selectors of an expression, each as it stands: `name{labels}` without range or offset. */
export function selectorsOf(expr: string): string[] {
  // Label lists and strings outside of selectors would look like names.
  const bare = expr
    .replace(/#.*$/gm, '')
    .replace(/\boffset\s+-?\w+/g, ' ')
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ');
  const found: string[] = [];
  const selector =
    /([a-zA-Z_:][\w:]*)\s*(\{(?:[^}"]|"(?:[^"\\]|\\.)*")*\}|\()?|"(?:[^"\\]|\\.)*"|\[[^\]]*\]/g;
  for (const [, name, after] of bare.matchAll(selector)) {
    if (name === undefined || after === '(' || WORDS.has(name.toLowerCase())) continue;
    found.push(`${name}${after ?? ''}`);
  }
  return found;
}

/** The names of the metrics that an expression asks for. */
export function metricsOf(expr: string): string[] {
  return [...new Set(selectorsOf(expr).map((selector) => selector.replace(/\{.*$/s, '')))];
}

/** The names of labels that an expression groups or matches by. */
export function labelsOf(expr: string): string[] {
  const names = new Set<string>();
  const lists = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
  for (const [, list] of expr.matchAll(lists)) {
    for (const name of (list ?? '').split(',')) if (name.trim() !== '') names.add(name.trim());
  }
  for (const selector of selectorsOf(expr)) {
    for (const [, name] of selector.matchAll(/[{,]\s*(\w+)\s*(?:=~|!~|!=|=)/g)) names.add(name!);
  }
  return [...names];
}
