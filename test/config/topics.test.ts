import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { applicationTopics, checkTopics } from '../../src/topics.js';

const config = loadConfig({});
const specs = applicationTopics(config, 4);
const existing = specs.map(({ topic, partitions }) => ({ topic, partitions }));

describe("the application's topics", () => {
  const cases: [topic: string, partitions: number, policy: string][] = [
    ['behavior-events', 4, 'delete'],
    ['items', 4, 'compact'],
    ['recommendations', 4, 'compact,delete'],
    ['behavior-events.dlq', 1, 'delete'],
    ['isthmus.user-state', 4, 'compact'],
    ['isthmus.model-deltas', 4, 'delete'],
    ['isthmus.model-snapshots', 1, 'delete'],
  ];
  it('are these and no others', () => {
    const made = specs.map((spec) => [
      spec.topic,
      spec.partitions,
      spec.config?.['cleanup.policy'],
    ]);
    expect(made).toEqual(cases);
  });

  it('keep the model for ever', () => {
    for (const name of ['isthmus.model-deltas', 'isthmus.model-snapshots']) {
      const spec = specs.find(({ topic }) => topic === name);
      expect(spec?.config).toMatchObject({ 'retention.ms': '-1', 'retention.bytes': '-1' });
    }
  });

  it('are compacted, and give back what was pruned, before there is a gigabyte of it', () => {
    for (const { topic, config: settings } of specs) {
      const policy = settings?.['cleanup.policy'] ?? '';
      if (!policy.includes('compact') && settings?.['retention.bytes'] !== '-1') continue;
      expect(Number(settings?.['segment.bytes']), topic).toBeLessThanOrEqual(268_435_456);
      if (policy.includes('compact')) expect(settings?.['segment.ms'], topic).toBe('3600000');
    }
  });

  it('have the replicas that are set', () => {
    const replicated = applicationTopics(loadConfig({ ISTHMUS_REPLICATION_FACTOR: '3' }), 1);
    expect(replicated.every((spec) => spec.replicationFactor === 3)).toBe(true);
    expect(specs.every((spec) => spec.replicationFactor === undefined)).toBe(true);
  });
});

describe('the check of topics', () => {
  it('returns the partitions of the input where all fit', () => {
    expect(checkTopics(config, [...existing, { topic: 'other', partitions: 9 }])).toBe(4);
  });

  it('says which topics are missing and what makes them', () => {
    const some = existing.filter(({ topic }) => topic !== 'isthmus.user-state');
    expect(() => checkTopics(config, some)).toThrow(
      expect.objectContaining({
        code: 'TOPIC_MISSING',
        disposition: 'usage',
        message: expect.stringMatching(
          /isthmus\.user-state.*`isthmus topics create --partitions 4`/,
        ),
      }),
    );
    expect(() => checkTopics(config, [])).toThrow(/behavior-events.*`isthmus topics create`/);
  });

  it('says which topic does not fit the input and what to do', () => {
    const grown = existing.map((info) =>
      info.topic === 'behavior-events' ? { ...info, partitions: 8 } : info,
    );
    expect(() => checkTopics(config, grown)).toThrow(
      expect.objectContaining({
        code: 'PARTITIONS_MISMATCH',
        message: expect.stringMatching(
          /recommendations has 4 .* has 8.*topics create --partitions 8/,
        ),
      }),
    );
  });

  it('does not mind a dead-letter topic of more partitions', () => {
    const wide = existing.map((info) =>
      info.topic.endsWith('.dlq') ? { ...info, partitions: 3 } : info,
    );
    expect(checkTopics(config, wide)).toBe(4);
  });
});
