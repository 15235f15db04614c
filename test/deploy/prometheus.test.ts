import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { exportedMetrics } from './support/exported.js';
import { allRules, type Rule, type RuleTest, rulesOf, text } from './support/files.js';
import { faultsOfExpression } from './support/laws.js';
import { labelsOf, metricsOf, selectorsOf } from './support/promql.js';

const rules = allRules();
const alerts = rules.filter((rule) => rule.alert !== undefined);
const exported = exportedMetrics();
const recorded = new Set(rules.flatMap(({ record }) => (record === undefined ? [] : [record])));
const { tests } = parse(text('deploy/prometheus/tests/alerts.test.yml')) as { tests: RuleTest[] };

function sections(): string[] {
  return [...text('docs/runbook.md').matchAll(/^## (\w+)$/gm)].map((match) => match[1]!);
}

/** What is wrong with an alert: its severity, its words, its place in the runbook. */
function faultsOfAlert({ alert, labels, annotations }: Rule, known: readonly string[]): string[] {
  const faults: string[] = [];
  if (!['page', 'ticket'].includes(labels?.severity ?? '')) faults.push('no severity');
  if ((annotations?.summary ?? '').length < 10) faults.push('no summary');
  if ((annotations?.description ?? '').length < 10) faults.push('no description');
  const url = `docs/runbook.md#${(alert ?? '').toLowerCase()}`;
  if (annotations?.runbook_url !== url) faults.push(`the runbook_url is not ${url}`);
  if (!known.includes(alert ?? '')) faults.push('no section in docs/runbook.md');
  return faults;
}

describe('the rules', () => {
  it('ask only for metrics and labels that the code exports or a rule records', () => {
    for (const { record, alert, expr } of rules) {
      expect(faultsOfExpression(expr, exported, recorded), record ?? alert).toEqual([]);
    }
  });

  it('are found out where they ask for a metric or a label that nobody has', () => {
    const planted = rulesOf(
      text('deploy/prometheus/rules/recording.yml')
        .replace('(isthmus_lag_records)', '(isthmus_lags_records)')
        .replace('isthmus_tasks{state=', 'isthmus_tasks{status='),
    );
    expect(planted.flatMap(({ expr }) => faultsOfExpression(expr, exported, recorded))).toEqual([
      'isthmus_lags_records is not exported by the code, nor recorded by a rule',
      'no metric in the expression has the label status',
    ]);
  });

  it('record under names of the form level:metric:operation', () => {
    for (const name of recorded) expect(name).toMatch(/^isthmus:[a-z0-9_]+:[a-z0-9_]+$/);
  });
});

describe('the alerts', () => {
  it('have a severity, words and a section each in the runbook, which has no others', () => {
    for (const alert of alerts) {
      expect(faultsOfAlert(alert, sections()), alert.alert).toEqual([]);
    }
    expect(sections().sort()).toEqual(alerts.map(({ alert }) => alert).sort());
  });

  it('are found out without them', () => {
    const [alert] = alerts;
    expect(faultsOfAlert({ ...alert!, labels: {}, annotations: {} }, [])).toHaveLength(5);
  });

  it('have a test each in which they fire, and one in which they do not', () => {
    const cases = tests.flatMap((test) => test.alert_rule_test);
    for (const { alert } of alerts) {
      const own = cases.filter(({ alertname }) => alertname === alert);
      expect(
        own.some((one) => one.exp_alerts.length > 0),
        `${alert} fires`,
      ).toBe(true);
      expect(
        own.some((one) => one.exp_alerts.length === 0),
        `${alert} keeps still`,
      ).toBe(true);
    }
  });
});

describe('the reading of PromQL', () => {
  it('finds the selectors, metrics and labels of an expression', () => {
    const expr = `max by (application) (rate(a_total{x="b(c)}", y=~"1|2"}[5m] offset 1h))
      / on (pod) group_left () a:b:c > bool 0.9 and histogram_quantile(0.5, d_bucket) unless e`;
    expect(selectorsOf(expr)).toEqual(['a_total{x="b(c)}", y=~"1|2"}', 'a:b:c', 'd_bucket', 'e']);
    expect(metricsOf(expr)).toEqual(['a_total', 'a:b:c', 'd_bucket', 'e']);
    expect(labelsOf(expr).sort()).toEqual(['application', 'pod', 'x', 'y']);
  });
});
