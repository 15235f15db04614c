import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** A path below the root of the repository. */
export function rooted(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url));
}

export function text(path: string): string {
  return readFileSync(rooted(path), 'utf8');
}

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface RuleTest {
  readonly alert_rule_test: readonly {
    readonly alertname: string;
    readonly exp_alerts: readonly object[];
  }[];
}

export const RULE_FILES = [
  'deploy/prometheus/rules/recording.yml',
  'deploy/prometheus/rules/alerts.yml',
] as const;

export function rulesOf(yaml: string): Rule[] {
  const { groups } = parse(yaml) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

export function allRules(): Rule[] {
  return RULE_FILES.flatMap((file) => rulesOf(text(file)));
}
