import { describe, expect, it } from 'vitest';
import { checkKafka } from '../../src/cli/doctor/kafka.js';
import { checkBackends, checkNode, NEEDED_NODE } from '../../src/cli/doctor/machine.js';
import { clockFinding } from '../../src/cli/doctor/probe.js';
import { checkRegistry } from '../../src/cli/doctor/registry.js';
import { type Finding, isWell, textOf } from '../../src/cli/doctor/report.js';
import type { Config } from '../../src/config.js';
import { IsthmusError } from '../../src/errors.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import { text } from '../deploy/support/files.js';
import { createTopics, testConfig } from '../support/service.js';

const verdicts = (findings: readonly Finding[]) =>
  Object.fromEntries(findings.map(({ check, verdict }) => [check, verdict]));

async function look(config: Config, options: { create?: boolean; fault?: string } = {}) {
  const log = new MemoryLog();
  const fault = (point: string): void => {
    if (options.fault !== undefined && point === options.fault) {
      throw new IsthmusError('ADMIN_FAILED', 'usage', 'The broker refused it.');
    }
  };
  const maker = new MemoryTransport(log);
  if (options.create !== false) await createTopics(maker, config, 3);
  const transport = new MemoryTransport(log, { fault });
  const findings = await checkKafka(config, transport, true);
  const left = (await (await maker.admin()).listTopics()).map(({ topic }) => topic);
  return { findings, left };
}

describe('isthmus doctor', () => {
  it('finds nothing amiss where all is there, and leaves no topic behind', async () => {
    const { findings, left } = await look(testConfig());
    expect(verdicts(findings)).toEqual({
      broker: 'ok',
      topics: 'ok',
      offsets: 'ok',
      pruning: 'ok',
      transactions: 'ok',
      clock: 'skipped',
    });
    expect(left.filter((topic) => topic.includes('doctor'))).toEqual([]);
    expect(isWell(findings)).toBe(true);
    expect(textOf(findings)).toMatch(/Nothing stands in the way\.$/);
  });

  it('says how to make topics that are missing, and goes on with the rest', async () => {
    const { findings } = await look(testConfig(), { create: false });
    expect(verdicts(findings)).toMatchObject({ topics: 'fail', pruning: 'skipped' });
    expect(verdicts(findings)).toMatchObject({ transactions: 'ok' });
    expect(findings.find(({ check }) => check === 'topics')?.remedy).toContain('topics create');
    expect(isWell(findings)).toBe(false);
    expect(textOf(findings)).toMatch(/FAIL +topics[\s\S]*-> .*topics create[\s\S]*1 to mend\.$/);
  });

  it('leaves out what needs the broker where that does not answer', async () => {
    const { findings } = await look(testConfig(), { fault: 'admin', create: true });
    expect(findings[0]).toMatchObject({ check: 'broker', verdict: 'fail' });
    expect(findings.slice(1).map(({ verdict }) => verdict)).toEqual(Array(5).fill('skipped'));
  });

  it('finds out that transactions do not work', async () => {
    const { findings, left } = await look(testConfig(), { fault: 'commit:before' });
    expect(verdicts(findings)).toMatchObject({ transactions: 'fail', clock: 'skipped' });
    expect(left.filter((topic) => topic.includes('doctor'))).toEqual([]);
  });

  it('makes no topic that the input would take in', async () => {
    const config = testConfig({
      ISTHMUS_INPUT_TOPIC: '/isthmus.*/',
      ISTHMUS_REPARTITION: 'true',
    });
    const { findings } = await look(config);
    expect(verdicts(findings)).toMatchObject({ transactions: 'skipped', clock: 'skipped' });
  });

  it('judges clocks by how far they are apart', () => {
    expect(clockFinding(30, 300_000)).toMatchObject({ verdict: 'ok' });
    expect(clockFinding(-5_000, 300_000)).toMatchObject({
      verdict: 'warn',
      detail: expect.stringContaining('5000 ms behind'),
      remedy: expect.stringContaining('NTP'),
    });
    expect(clockFinding(400_000, 300_000)).toMatchObject({ verdict: 'fail' });
  });

  it('wants the Node that the package wants', () => {
    const { engines } = JSON.parse(text('package.json')) as { engines: { node: string } };
    expect(engines.node).toBe(`>=${NEEDED_NODE.join('.')}`);
    expect(checkNode('20.19.0').verdict).toBe('ok');
    expect(checkNode('22.1.0').verdict).toBe('ok');
    expect(checkNode('20.18.9')).toMatchObject({
      verdict: 'fail',
      remedy: expect.stringContaining('20.19'),
    });
  });

  it('tries every back end', async () => {
    const finding = await checkBackends(testConfig());
    expect(finding).toMatchObject({ verdict: 'ok' });
    expect(finding.detail).toMatch(/simd|plain/);
  });

  it('says where the registry does not answer, and nothing where there is none', async () => {
    expect(await checkRegistry(testConfig())).toMatchObject({ verdict: 'skipped' });
    const away = testConfig({ SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1' });
    expect(await checkRegistry(away)).toMatchObject({ verdict: 'fail' });
  });
});
