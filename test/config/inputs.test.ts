import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { applicationTopics, checkTopics, inputSubscription, taskTopic } from '../../src/topics.js';

const several = loadConfig({ ISTHMUS_INPUT_TOPIC: 'clicks, orders', ISTHMUS_REPARTITION: 'true' });
const pattern = loadConfig({ ISTHMUS_INPUT_TOPIC: '/.+/', ISTHMUS_REPARTITION: 'true' });

describe('the input', () => {
  it.each(['clicks,orders', '/shop-.+/'])(
    'is one topic where nothing is repartitioned: %s is refused',
    (input) => {
      expect(() => loadConfig({ ISTHMUS_INPUT_TOPIC: input })).toThrow(
        expect.objectContaining({
          code: 'SETTING_INVALID',
          message: expect.stringMatching(/wants one topic, or ISTHMUS_REPARTITION=true/),
        }),
      );
    },
  );

  it.each(['', 'a b', 'clicks,clicks', '/(/', ','].slice(1))('cannot be "%s"', (input) => {
    expect(() => loadConfig({ ISTHMUS_INPUT_TOPIC: input, ISTHMUS_REPARTITION: 'true' })).toThrow(
      expect.objectContaining({ code: 'SETTING_INVALID' }),
    );
  });

  it('cannot be a topic that the application writes to, also among several', () => {
    expect(() =>
      loadConfig({ ISTHMUS_INPUT_TOPIC: 'a,recommendations', ISTHMUS_REPARTITION: 'true' }),
    ).toThrow(/wants another topic than ISTHMUS_INPUT_TOPIC/);
  });

  it('has its dead letters beside it where it is one topic, else with the application', () => {
    expect(loadConfig({ ISTHMUS_INPUT_TOPIC: 'clicks' }).deadLetterTopic).toBe('clicks.dlq');
    expect(several.deadLetterTopic).toBe('isthmus.dlq');
    expect(pattern.deadLetterTopic).toBe('isthmus.dlq');
  });

  it('is read by the tasks as it is, or through its copy by user', () => {
    expect(taskTopic(loadConfig({}))).toBe('behavior-events');
    expect(taskTopic(several)).toBe('isthmus.repartition');
    expect(inputSubscription(several)).toEqual(['clicks', 'orders']);
  });

  it('by pattern is every topic whose whole name matches but our own and those of Kafka', () => {
    const [found] = inputSubscription(pattern) as [RegExp];
    expect(['clicks', 'isthmusXrepartition'].every((name) => found.test(name))).toBe(true);
    const own = applicationTopics(pattern, 1).map(({ topic }) => topic);
    expect([...own, '__consumer_offsets'].filter((name) => found.test(name))).toEqual([]);
    const shops = loadConfig({
      ISTHMUS_INPUT_TOPIC: '/shop-a|shop-b/',
      ISTHMUS_REPARTITION: 'true',
    });
    const [shop] = inputSubscription(shops) as [RegExp];
    expect(['shop-a', 'shop-b', 'shop-c', 'my-shop-a', 'shop-bb'].map((n) => shop.test(n))).toEqual(
      [true, true, false, false, false],
    );
  });

  it('may have any partitions of its own where it is repartitioned', () => {
    const topics = applicationTopics(several, 4).map(({ topic, partitions }) => ({
      topic,
      partitions: topic === 'orders' ? 9 : partitions,
    }));
    expect(checkTopics(several, topics)).toBe(4);
    const own = applicationTopics(pattern, 4).map(({ topic }) => ({ topic, partitions: 4 }));
    expect(() => checkTopics(pattern, own)).toThrow(/No topic's name matches ISTHMUS_INPUT_TOPIC/);
    expect(checkTopics(pattern, [...own, { topic: 'clicks', partitions: 2 }])).toBe(4);
  });
});
