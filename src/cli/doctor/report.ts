import { describeError } from '../../errors.js';

/** `warn`: it works, and not as it should. `skipped`: could not be looked at; the detail says why. */
export type Verdict = 'ok' | 'warn' | 'fail' | 'skipped';

export interface Finding {
  readonly check: string;
  readonly verdict: Verdict;
  /** What was found: a sentence. */
  readonly detail: string;
  /** What to do; empty where nothing is to be done. */
  readonly remedy: string;
}

export const ok = (check: string, detail: string): Finding => found(check, 'ok', detail);
export const skipped = (check: string, detail: string): Finding => found(check, 'skipped', detail);

export function found(check: string, verdict: Verdict, detail: string, remedy = ''): Finding {
  return { check, verdict, detail, remedy };
}

/** What `look` finds; where it throws, a failure with the error's own words. */
export async function looked(
  check: string,
  remedy: string,
  look: () => Promise<Finding>,
): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    return found(check, 'fail', describeError(error), remedy);
  }
}

/** Whether nothing fails. */
export function isWell(findings: readonly Finding[]): boolean {
  return findings.every(({ verdict }) => verdict !== 'fail');
}

const MARKS: Readonly<Record<Verdict, string>> = {
  ok: 'ok',
  warn: 'WARN',
  fail: 'FAIL',
  skipped: '-',
};

/** The findings for people, one a line, with what to do below it. */
export function textOf(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length)) + 2;
  const lines = findings.flatMap(({ check, verdict, detail, remedy }) => [
    `${MARKS[verdict].padEnd(6)}${check.padEnd(width)}${detail}`,
    ...(remedy === '' ? [] : [`${' '.repeat(6 + width)}-> ${remedy}`]),
  ]);
  const failed = findings.filter(({ verdict }) => verdict === 'fail').length;
  const last = failed === 0 ? 'Nothing stands in the way.' : `${failed} to mend.`;
  return [...lines, last].join('\n');
}
