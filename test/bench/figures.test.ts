import { describe, expect, it } from 'vitest';
import { BENCHES, benchesNamed } from '../../src/cli/bench/benches.js';
import { jsonLine } from '../../src/cli/bench/figures.js';
import { median, quantile, ratioOf, takeTurns } from '../../src/cli/bench/measure.js';
import { WORLD, World, Zipf } from '../../src/cli/bench/world.js';
import { benchCommand } from '../../src/cli/bench.js';
import { IsthmusError } from '../../src/errors.js';
import { Random } from '../../src/online/random.js';

describe('the benches', () => {
  it('run all but the long one where none is named, else those named, in the order of the table', () => {
    expect(benchesNamed([])).toEqual(BENCHES.filter(({ name }) => name !== 'soak'));
    expect(benchesNamed(['soak'])).toHaveLength(1);
    expect(benchesNamed(['serving', 'codec']).map(({ name }) => name)).toEqual([
      'codec',
      'serving',
    ]);
  });

  it('refuse a name that they do not have, and say which there are', () => {
    const call = () => benchesNamed(['codec', 'speed']);
    expect(call).toThrow(IsthmusError);
    expect(call).toThrow(/no bench speed.*learner/);
  });

  it('each stand in the help with a summary', () => {
    let help = '';
    const command = benchCommand().configureOutput({ writeOut: (text) => (help += text) });
    command.outputHelp();
    for (const { name, summary } of BENCHES)
      expect(help.replace(/ +/g, ' ')).toContain(`${name} ${summary}`);
  });
});

describe('a ratio of pairs', () => {
  it('is the mean, whatever slowed both of a pair down, with its standard error', () => {
    const slow = [1, 9, 1, 2, 1];
    const own = [11, 12, 13, 11.5, 12.5].map((value, i) => value * slow[i]!);
    const { ratio, error } = ratioOf(
      own,
      slow.map((value) => 10 * value),
    );
    expect(ratio).toBeCloseTo(1.2, 12);
    // The ratios lie 0.1, 0.05, 0, 0.05 and 0.1 from it.
    expect(error).toBeCloseTo(Math.sqrt(0.025 / 4 / 5), 12);
    expect(ratioOf([], []).ratio).toBeNaN();
  });
});

describe('a figure', () => {
  it('is one line of JSON with four digits, without a peer that it does not have', () => {
    expect(jsonLine({ name: 'a.b', value: 12345.678, unit: 'events/s' })).toBe(
      '{"name":"a.b","value":12350,"unit":"events/s"}',
    );
    const line = jsonLine({ name: 'a', value: 1, unit: 'ms', ratio: 0.123456, against: 'b' });
    expect(JSON.parse(line)).toEqual({
      name: 'a',
      value: 1,
      unit: 'ms',
      ratio: 0.1235,
      against: 'b',
    });
  });
});

describe('measuring', () => {
  it('takes the middle value, and the mean of the middle two', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  it('takes as a quantile a value that so many do not exceed', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(quantile(values, 0.5)).toBe(50);
    expect(quantile(values, 0.99)).toBe(99);
    expect(quantile(values, 1)).toBe(100);
    expect(quantile([], 0.5)).toBeNaN();
  });

  it('finds work of twice the length twice as dear', () => {
    const spin = (steps: number) => (): number => {
      let value = 1;
      for (let i = 0; i < steps; i++) value = (Math.imul(value, 31) + i) | 0;
      return value === 0 ? 2 : 1;
    };
    const seconds = takeTurns(
      [
        { name: 'once', run: spin(200_000) },
        { name: 'twice', run: spin(400_000) },
      ],
      { rounds: 5, leastMs: 20 },
    );
    const ratio = seconds.get('twice')! / seconds.get('once')!;
    expect(ratio).toBeGreaterThan(1.3);
    expect(ratio).toBeLessThan(3);
  });
});

describe('the world of the benches', () => {
  it('is the same for the same options', () => {
    const options = { ...WORLD, itemsPerDomain: 100 };
    const one = new World(options);
    const other = new World(options);
    for (let i = 0; i < 100; i++) expect(other.event(i)).toEqual(one.event(i));
  });

  it('draws k + 1 times less often what stands at k', () => {
    const zipf = new Zipf(1000);
    const random = Random.of('test', 'zipf');
    const counts = new Float64Array(1000);
    for (let i = 0; i < 200_000; i++) counts[zipf.draw(random)]!++;
    expect(counts[0]! / counts[1]!).toBeCloseTo(2, 0);
    expect(counts[0]! / counts[9]!).toBeGreaterThan(8.5);
    expect(counts[0]! / counts[9]!).toBeLessThan(11.5);
  });
});
