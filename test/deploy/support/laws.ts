import { FOREIGN_METRICS, SCRAPE_LABELS } from './exported.js';
import { labelsOf, metricsOf } from './promql.js';

/** What is wrong with an expression: metrics that nobody exports, labels that none of them has. */
export function faultsOfExpression(
  expr: string,
  exported: ReadonlyMap<string, readonly string[]>,
  recorded: ReadonlySet<string>,
): string[] {
  const faults: string[] = [];
  const labels = new Set<string>(SCRAPE_LABELS);
  let open = false;
  for (const name of metricsOf(expr)) {
    const found = exported.get(name) ?? FOREIGN_METRICS.get(name);
    if (found !== undefined) for (const label of found) labels.add(label);
    else if (recorded.has(name)) open = true;
    else faults.push(`${name} is not exported by the code, nor recorded by a rule`);
  }
  if (open) return faults;
  for (const label of labelsOf(expr)) {
    if (!labels.has(label)) faults.push(`no metric in the expression has the label ${label}`);
  }
  return faults;
}
