import { describe, expect, it } from 'vitest';
import { barChart, lineChart } from '../../../src/cli/quality/charts.js';

/** Tags in order, closed ones with a slash: every one that is opened is closed. */
function unbalanced(svg: string): string[] {
  const open: string[] = [];
  for (const [, close, name, self] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (self === '/') continue;
    if (close === '') open.push(name!);
    else if (open.pop() !== name) return [`</${name}>`];
  }
  return open;
}

const lines = (y: number) =>
  lineChart({
    title: 'a < b & c',
    x: 'events',
    y: 'HR@10',
    series: [
      {
        name: 'ours',
        points: [
          [1000, 0],
          [2000, y],
          [3000, y / 2],
        ],
      },
      {
        name: 'theirs',
        points: [
          [1000, 1],
          [3000, 1],
        ],
      },
    ],
    mark: { x: 2000, label: 'shift' },
  });

describe('a line chart', () => {
  it('is a whole SVG file with a line for each series, and its words escaped', () => {
    const svg = lines(20);
    expect(unbalanced(svg)).toEqual([]);
    expect(svg).toContain('a &lt; b &amp; c');
    expect(svg.match(/fill="none"/g)).toHaveLength(2);
    for (const word of ['ours', 'theirs', 'shift', '3k']) expect(svg).toContain(`>${word}</text>`);
    expect(lines(20)).toBe(svg);
  });

  it('draws larger values higher, and the axis follows', () => {
    const heights = (svg: string) =>
      svg
        .match(/<path d="(M[^"]+)" fill="none"/)![1]!
        .split(/[ML,]/)
        .filter(Boolean)
        .map(Number);
    const [, first, , second, , third] = heights(lines(20));
    expect(second).toBeLessThan(third!);
    expect(third).toBeLessThan(first!);
    expect(heights(lines(40))).toEqual(heights(lines(20)));
  });

  it('draws nothing where there is nothing', () => {
    const svg = lineChart({ title: 't', x: 'x', y: 'y', series: [{ name: 'a', points: [] }] });
    expect(unbalanced(svg)).toEqual([]);
    expect(svg).not.toContain('NaN');
  });
});

describe('a bar chart', () => {
  it('has a bar for each value, below the line where it is below 0', () => {
    const svg = barChart({
      title: 't',
      y: 'points',
      groups: ['0', '1-4'],
      series: [
        { name: 'a', values: [2, -1] },
        { name: 'b', values: [1, 1] },
      ],
    });
    expect(unbalanced(svg)).toEqual([]);
    const bars = [...svg.matchAll(/<rect x="[^"]+" y="([^"]+)" width="[^"]+" height="([^"]+)"/g)]
      .map((match) => [Number(match[1]), Number(match[2])] as const)
      .slice(0, 4);
    const [two, one, minus] = bars as [number, number][];
    expect(two![1]).toBeCloseTo(2 * one![1], 0);
    expect(minus![0]).toBeCloseTo(two![0] + two![1], 0);
  });
});
