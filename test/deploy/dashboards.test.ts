import { describe, expect, it } from 'vitest';
import { UNITS } from '../../deploy/grafana/panels.js';
import {
  checkedInDashboards,
  type DashboardJson,
  expressionsOf,
  filledIn,
  type PanelJson,
  panelsOf,
} from './support/dashboards.js';
import { exportedMetrics } from './support/exported.js';
import { allRules } from './support/files.js';
import { faultsOfExpression } from './support/laws.js';
import { metricsOf } from './support/promql.js';

const dashboards = checkedInDashboards();
const exported = exportedMetrics();
const rules = allRules();
const recorded = new Set(rules.flatMap(({ record }) => (record === undefined ? [] : [record])));
const units = new Set<string>(Object.values(UNITS));

/** Grafana's own, beside the variables of the dashboard. */
const FILLED = { __rate_interval: '1m', __range: '1h' };

/** What is wrong with a panel. */
function faultsOfPanel(panel: PanelJson, variables: readonly string[]): string[] {
  const faults: string[] = [];
  if ((panel.title ?? '') === '') faults.push('no title');
  if (!units.has(panel.fieldConfig?.defaults?.unit ?? '')) faults.push('no unit');
  const { description = '' } = panel;
  if (!/\*\*Normal:\*\* \S/.test(description)) faults.push('does not say what is normal');
  if (!/\*\*Otherwise:\*\* \S/.test(description)) faults.push('does not say what to do');
  if (expressionsOf(panel).length === 0) faults.push('asks nothing');
  const values = { ...FILLED, ...Object.fromEntries(variables.map((name) => [name, '.*'])) };
  for (const expr of expressionsOf(panel)) {
    const filled = filledIn(expr, values);
    if (filled.includes('$')) faults.push(`an unknown variable in ${filled}`);
    if (!expr.includes('$application')) faults.push(`all applications at once in ${expr}`);
    faults.push(...faultsOfExpression(filled, exported, recorded));
  }
  return faults;
}

function faultsOfDashboard({ panels, templating }: DashboardJson): string[] {
  const variables = templating.list.map(({ name }) => name);
  return panels.flatMap((panel) =>
    panel.type === 'row'
      ? []
      : faultsOfPanel(panel, variables).map((fault) => `${panel.title}: ${fault}`),
  );
}

describe('the dashboards', () => {
  it('are Overview, Learning and Stream, with names of their own', () => {
    expect(dashboards.map(({ uid }) => uid).sort()).toEqual([
      'isthmus-learning',
      'isthmus-overview',
      'isthmus-stream',
    ]);
  });

  it('have a unit, what is normal and what to do on every panel, and ask for what there is', () => {
    for (const dashboard of dashboards) expect(faultsOfDashboard(dashboard)).toEqual([]);
  });

  it('can be narrowed to application, pod and domain by labels that there are', () => {
    for (const { templating } of dashboards) {
      const names = templating.list.map(({ name }) => name);
      expect(names).toEqual(['datasource', 'application', 'pod', 'domain']);
      for (const { query } of templating.list) {
        const asked = /^label_values\((.+), (\w+)\)$/.exec(String(query));
        if (asked === null) continue;
        const expr = `count by (${asked[2]}) (${filledIn(asked[1]!, { application: '.*' })})`;
        expect(faultsOfExpression(expr, exported, recorded)).toEqual([]);
      }
    }
  });

  it('lie within the grid without overlap, each panel under a name of its own', () => {
    for (const dashboard of dashboards) {
      const taken = new Set<string>();
      for (const { gridPos, title } of dashboard.panels) {
        const { x, y, w, h } = gridPos!;
        expect(x + w, title).toBeLessThanOrEqual(24);
        for (let i = x; i < x + w; i++) {
          for (let j = y; j < y + h; j++) {
            expect(taken.has(`${i}/${j}`), `${title} at ${i}/${j}`).toBe(false);
            taken.add(`${i}/${j}`);
          }
        }
      }
      const titles = panelsOf(dashboard).map(({ title }) => title);
      expect(new Set(titles).size).toBe(titles.length);
    }
  });

  it('are found out where a panel loses its unit, its words, a metric, a label or a variable', () => {
    const planted = (change: (json: string) => string): string[] =>
      dashboards.flatMap((one) =>
        faultsOfDashboard(JSON.parse(change(JSON.stringify(one))) as DashboardJson),
      );
    expect(planted((json) => json)).toEqual([]);
    expect(planted((json) => json.replaceAll('"unit":"cps"', '"unit":""')).join()).toMatch(
      /no unit/,
    );
    expect(planted((json) => json.replaceAll('**Normal:**', '')).join()).toMatch(/what is normal/);
    expect(planted((json) => json.replaceAll('**Otherwise:**', '')).join()).toMatch(/what to do/);
    expect(planted((json) => json.replaceAll('isthmus_ready', 'isthmus_readi')).join()).toMatch(
      /isthmus_readi is not exported/,
    );
    expect(planted((json) => json.replaceAll('(outcome)', '(result)')).join()).toMatch(
      /has the label result/,
    );
    expect(planted((json) => json.replaceAll('$pod', '$pods')).join()).toMatch(/unknown variable/);
  });
});

describe('the rules', () => {
  it('record only what a dashboard or an alert asks for', () => {
    const asked = new Set(
      [
        ...dashboards.flatMap(panelsOf).flatMap(expressionsOf),
        ...rules.flatMap(({ alert, expr }) => (alert === undefined ? [] : [expr])),
      ].flatMap((expr) => metricsOf(filledIn(expr, FILLED))),
    );
    expect([...recorded].filter((name) => !asked.has(name))).toEqual([]);
  });
});
