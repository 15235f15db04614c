import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rooted } from '../deploy/support/files.js';
import {
  type PrometheusTools,
  prometheusTools,
  promtool,
} from '../deploy/support/prometheus-server.js';

const found = await prometheusTools();
if (typeof found === 'string') console.warn(`not checked by promtool: ${found}`);

describe.skipIf(typeof found === 'string')('promtool', () => {
  const tools = found as PrometheusTools;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'isthmus-rules-'));
    await cp(rooted('deploy/prometheus'), folder, { recursive: true });
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function plant(file: string, from: string, to: string): Promise<void> {
    const before = await readFile(rooted(`deploy/prometheus/${file}`), 'utf8');
    expect(before).toContain(from);
    await writeFile(join(folder, file), before.replace(from, to));
  }

  test('accepts the rules and the configuration', async () => {
    const rules = ['recording.yml', 'alerts.yml'].map((name) => join(folder, 'rules', name));
    expect(await promtool(tools, 'check', 'rules', ...rules)).toMatchObject({ code: 0 });
    const config = join(folder, 'prometheus.yml');
    expect(await promtool(tools, 'check', 'config', config)).toMatchObject({ code: 0 });
  });

  test('sees each alert fire where it should and keep still where it should not', async () => {
    const result = await promtool(tools, 'test', 'rules', join(folder, 'tests', 'alerts.test.yml'));
    expect(result.code, result.output).toBe(0);
  }, 180_000);

  test('refuses a rule that cannot be read, and a configuration with an unknown field', async () => {
    await plant('rules/recording.yml', 'sum by (application) (isthmus_lag_records)', 'sum by (');
    const rules = join(folder, 'rules', 'recording.yml');
    expect((await promtool(tools, 'check', 'rules', rules)).code).not.toBe(0);
    await plant('rules/recording.yml', 'groups:', 'groups:');
    await plant('prometheus.yml', 'scrape_interval', 'scrape_every');
    const config = join(folder, 'prometheus.yml');
    expect((await promtool(tools, 'check', 'config', config)).code).not.toBe(0);
  });

  test('fails where an alert has a bound of another size', async () => {
    await plant(
      'rules/alerts.yml',
      'isthmus_delta_lag_seconds > 30',
      'isthmus_delta_lag_seconds > 3000',
    );
    const result = await promtool(tools, 'test', 'rules', join(folder, 'tests', 'alerts.test.yml'));
    expect(result.output).toContain('IsthmusReplicaBehind');
    expect(result.code).not.toBe(0);
  }, 180_000);
});
