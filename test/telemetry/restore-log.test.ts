import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publish } from '../../src/diagnostics.js';
import type { LogFields, Logger } from '../../src/telemetry/logger.js';
import { logRestores } from '../../src/telemetry/restore-log.js';

const APP = 'restore-log';
let lines: { level: string; message: string; fields: LogFields | undefined }[];
let quiet: () => void;

const at =
  (level: string) =>
  (message: string, fields?: LogFields): void =>
    void lines.push({ level, message, fields });
const logger: Logger = {
  debug: at('debug'),
  info: at('info'),
  warn: at('warn'),
  error: at('error'),
  child: () => logger,
};

beforeEach(() => {
  lines = [];
  quiet = logRestores(APP, logger);
});
afterEach(() => quiet());

function tell(position: bigint, seconds: number, what: 'model' | 'snapshot' = 'model', app = APP) {
  const done = position === 300n;
  publish('isthmus:restore', { app, partition: 2, what, position, end: 300n, seconds, done });
}

describe('what the log says of restores', () => {
  it('is how far a long one is, every five seconds, and what it took', () => {
    for (const [position, seconds] of [
      [100n, 0],
      [120n, 4.9],
      [150n, 5.5],
      [160n, 9],
      [250n, 11],
      [300n, 12],
    ] as const)
      tell(position, seconds);
    const place = { what: 'model', partition: 2 };
    expect(lines).toEqual([
      {
        level: 'info',
        message: 'a restore is under way',
        fields: { ...place, percent: 25, remaining: 150, seconds: 5.5 },
      },
      {
        level: 'info',
        message: 'a restore is under way',
        fields: { ...place, percent: 75, remaining: 50, seconds: 11 },
      },
      { level: 'info', message: 'restored', fields: { ...place, records: 200, seconds: 12 } },
    ]);
  });

  it('begins anew with the next restore of the same partition', () => {
    tell(100n, 0);
    tell(300n, 20);
    tell(200n, 0);
    tell(250n, 6);
    expect(lines.at(-1)?.fields).toMatchObject({ percent: 50, remaining: 50 });
  });

  it('is little where they are short, or of snapshots, and nothing of other applications', () => {
    tell(300n, 0.2);
    tell(0n, 0, 'snapshot');
    tell(300n, 20, 'snapshot');
    tell(300n, 20, 'model', 'another');
    expect(lines.map(({ level, message }) => [level, message])).toEqual([['debug', 'restored']]);
  });
});
