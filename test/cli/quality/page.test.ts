import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseQualityOptions, type QualityOptions } from '../../../src/cli/quality/options.js';
import { markdownTable, partsOf, withPart } from '../../../src/cli/quality/page.js';
import { SECTIONS, type Section } from '../../../src/cli/quality/sections/index.js';
import { writeQuality } from '../../../src/cli/quality/write.js';

const docs = fileURLToPath(new URL('../../../docs/', import.meta.url));
const page = readFileSync(join(docs, 'quality.md'), 'utf8');

describe('docs/quality.md', () => {
  it('has a part for each section, in their order', () => {
    expect(partsOf(page)).toEqual(SECTIONS.map(({ name }) => name));
  });

  it('shows plots that are there', () => {
    const plots = [...page.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map((match) => match[1]!);
    expect(plots).toEqual(['quality/curve.svg', 'quality/gain.svg', 'quality/shift.svg']);
    for (const plot of plots) expect(existsSync(join(docs, plot)), plot).toBe(true);
  });
});

describe('parts of a page', () => {
  const before = 'a\n<!-- figures: x -->\nold\n<!-- /figures: x -->\nb\n';

  it('are written without touching what stands around them, however often', () => {
    const once = withPart(before, 'x', 'new\n');
    expect(once).toBe('a\n<!-- figures: x -->\n\nnew\n\n<!-- /figures: x -->\nb\n');
    expect(withPart(once, 'x', 'new')).toBe(once);
  });

  it('must be there', () => {
    expect(() => withPart(before, 'y', 'new')).toThrow('<!-- figures: y -->');
  });

  it('hold tables with figures to the right', () => {
    expect(markdownTable(['a', 'b'], [['1', '2']])).toBe('| a | b |\n| --- | ---: |\n| 1 | 2 |');
  });
});

describe('writing the page', () => {
  let out: string;
  beforeEach(async () => {
    out = await mkdtemp(join(tmpdir(), 'isthmus-quality-test-'));
    const parts = ['good', 'bad', 'amazon'].map(
      (name) => `<!-- figures: ${name} -->\nold ${name}\n<!-- /figures: ${name} -->\n`,
    );
    await writeFile(join(out, 'quality.md'), parts.join('\n'));
  });
  afterEach(() => rm(out, { recursive: true, force: true }));

  const sections: readonly Section[] = [
    { name: 'bad', needsData: false, make: () => Promise.reject(new Error('it broke')) },
    {
      name: 'good',
      needsData: false,
      make: async () => ({ markdown: 'new good', plots: { 'a.svg': '<svg/>' } }),
    },
    { name: 'amazon', needsData: true, make: async () => ({ markdown: 'new amazon' }) },
  ];
  const options = (more: Partial<QualityOptions> = {}): QualityOptions => ({
    data: undefined,
    quick: true,
    only: [],
    out,
    python: 'python3',
    ...more,
  });
  const words = async () =>
    (await readFile(join(out, 'quality.md'), 'utf8')).match(/(old|new) \w+/g);

  it('leaves as it was what failed and what wants data, and says so', async () => {
    const said: string[] = [];
    const failed = await writeQuality(sections, options(), (sentence) => said.push(sentence));
    expect(failed).toEqual(['bad']);
    expect(await words()).toEqual(['new good', 'old bad', 'old amazon']);
    expect(await readFile(join(out, 'quality', 'a.svg'), 'utf8')).toBe('<svg/>');
    expect(said).toEqual([
      '! bad failed and stays as it was: it broke',
      'good is written',
      'amazon stays as it is: it wants --data',
    ]);
  });

  it('makes what is asked for alone', async () => {
    const failed = await writeQuality(
      sections,
      options({ only: ['amazon'], data: '/d' }),
      () => {},
    );
    expect(failed).toEqual([]);
    expect(await words()).toEqual(['old good', 'old bad', 'new amazon']);
  });
});

describe('its options', () => {
  it('are defaults without any', () => {
    expect(parseQualityOptions([], ['a'])).toEqual({
      data: undefined,
      quick: false,
      only: [],
      out: 'docs',
      python: 'python3',
    });
    expect(parseQualityOptions(['--help'], ['a'])).toBeNull();
  });

  it.each([
    [['--only', 'b'], 'wants a'],
    [['--fast'], '--fast'],
  ])('refuses %s', (argv, words) => {
    expect(() => parseQualityOptions(argv, ['a'])).toThrow(
      expect.objectContaining({
        code: 'ARGUMENT_INVALID',
        message: expect.stringContaining(words),
      }),
    );
  });
});
