import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type CatalogueItem, Pass } from '../../src/evaluate/pass.js';
import { settingsWith } from '../../src/evaluate/settings.js';
import { Recommender } from '../../src/online/serving/recommender.js';
import { createTower } from '../../src/online/tower/backend.js';
import { readEvents } from '../../src/producers/replay/events.js';
import { readItems } from '../../src/producers/replay/items.js';

const FOLDER = fileURLToPath(new URL('../../examples/', import.meta.url));

interface Generator {
  events(): string[];
  items?(): string[];
}

/** What has to come out of an example. */
interface Expected {
  /** The list begins with items whose ids begin so. */
  readonly lists?: readonly { user: string; domain: string; first: readonly string[] }[];
  /** In the ranking an item is at least so many places before others. */
  readonly before?: readonly {
    user: string;
    domain: string;
    item: string;
    others: readonly string[];
    places: number;
  }[];
  /** Of the first so many of all these lists together, at least such a share begins so. */
  readonly mostly?: {
    lists: readonly { user: string; domain: string; begin: string }[];
    of: number;
    share: number;
  };
  /** HR@10 of first likes in a domain, so many times that of popularity. */
  readonly firstLikes?: { betterThanPopularity: number };
}

async function learned(name: string, expected: Expected) {
  const module: string = join(FOLDER, name, 'generate.mjs');
  const generator = (await import(module)) as Generator;
  const folder = await mkdtemp(join(tmpdir(), 'isthmus-example-'));
  try {
    const [events, items] = [join(folder, 'events.csv'), join(folder, 'items.csv')];
    await writeFile(events, generator.events().join('\n'));
    const config = settingsWith({}, join(FOLDER, name, 'settings.json'), []);
    const known: CatalogueItem[] = [];
    if (generator.items !== undefined) {
      await writeFile(items, generator.items().join('\n'));
      for await (const some of readItems(items, { strict: true })) known.push(...some);
    }
    const { tower } = await createTower('auto', config.learner.phi);
    const pass = new Pass(tower, {
      learner: config.learner,
      preprocess: config,
      topic: config.inputTopic,
      prequential: expected.firstLikes !== undefined,
      ...(known.length === 0 ? {} : { items: known }),
    });
    for await (const some of readEvents(events, { strict: true })) {
      for (const event of some) pass.add(event);
    }
    pass.finish();
    return { pass, recommender: new Recommender(pass.model, tower, { blend: config.learner }) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('the examples', () => {
  for (const name of readdirSync(FOLDER)) {
    it(`come out as they say: ${name}`, async () => {
      const file = readFileSync(join(FOLDER, name, 'expected.json'), 'utf8');
      const expected = JSON.parse(file) as Expected;
      const { pass, recommender } = await learned(name, expected);
      const ranking = (userId: string, domain: string): string[] => {
        const user = pass.users.get(userId)!;
        const [list] = recommender.recommend([{ user, domain, n: 1000 }]);
        return list!.items.map(({ itemId }) => itemId);
      };
      expect(pass.left.size).toBe(0);
      for (const { user, domain, first } of expected.lists ?? []) {
        const ids = ranking(user, domain);
        for (const [i, start] of first.entries()) {
          expect(ids[i]!.startsWith(start), `${user}: ${ids.slice(0, first.length)}`).toBe(true);
        }
      }
      for (const { user, domain, item, others, places } of expected.before ?? []) {
        const ids = ranking(user, domain);
        expect(ids).toContain(item);
        for (const other of others) {
          expect(ids.indexOf(other) - ids.indexOf(item), user).toBeGreaterThanOrEqual(places);
        }
      }
      if (expected.mostly !== undefined) {
        const { lists, of, share } = expected.mostly;
        const hits = lists.map(
          ({ user, domain, begin }) =>
            ranking(user, domain)
              .slice(0, of)
              .filter((id) => id.startsWith(begin)).length,
        );
        const sum = hits.reduce((a, b) => a + b, 0);
        expect(sum, hits.join(', ')).toBeGreaterThanOrEqual(share * of * lists.length);
      }
      if (expected.firstLikes !== undefined) {
        const first = pass.summary.byHistory().find(({ bucket }) => bucket === '0')!;
        const { betterThanPopularity } = expected.firstLikes;
        expect(first.hr10).toBeGreaterThan(first.popularityHr10 * betterThanPopularity);
      }
    }, 60_000);
  }
});
