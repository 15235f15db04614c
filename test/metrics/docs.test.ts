import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/metrics/metrics.js';
import { fakeView } from '../http/fake-view.js';

interface Row {
  readonly type: string;
  readonly labels: readonly string[];
}

/** Rows such as | `isthmus_x_total` | counter | `a`, `b` | meaning | what is normal | */
function documented(): Map<string, Row> {
  const text = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const rows = new Map<string, Row>();
  for (const line of text.split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    const name = /^`(isthmus_\w+)`$/.exec(cells[1] ?? '')?.[1];
    if (name === undefined) continue;
    expect(cells, `the row of ${name} has five cells`).toHaveLength(7);
    expect(cells[4], `the meaning of ${name}`).not.toBe('');
    expect(cells[5], `what is normal for ${name}`).not.toBe('');
    expect(rows.has(name), `${name} stands twice in docs/metrics.md`).toBe(false);
    rows.set(name, {
      type: cells[2] ?? '',
      labels: [...(cells[3] ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1] ?? '').sort(),
    });
  }
  return rows;
}

function registered(): Map<string, Row & { help: string }> {
  const metrics = createMetrics(fakeView(), { processMetrics: false });
  metrics.close();
  return new Map(
    metrics.registry.getMetricsAsArray().map((metric) => {
      const { name, help } = metric;
      const type = metric.constructor.name.toLowerCase();
      const labels = 'labelNames' in metric ? (metric.labelNames as string[]) : [];
      return [name, { type, help, labels: labels.filter((label) => label !== 'le').sort() }];
    }),
  );
}

describe('docs/metrics.md', () => {
  it('lists exactly the metrics that the code has, with their types and labels', () => {
    const code = new Map(
      [...registered()].map(([name, { type, labels }]) => [name, { type, labels }]),
    );
    const docs = documented();
    expect([...docs.keys()].sort()).toEqual([...code.keys()].sort());
    for (const [name, row] of code) expect({ name, ...docs.get(name) }).toEqual({ name, ...row });
  });

  it('is about metrics with a help text and a unit in their names', () => {
    for (const [name, { help, type }] of registered()) {
      expect(name).toMatch(/^isthmus_[a-z0-9_]+$/);
      expect(help, name).toMatch(/^.{15,}\.?$/);
      if (type === 'counter') expect(name).toMatch(/_total$/);
      else expect(name).not.toMatch(/_total$/);
    }
  });
});
