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
  /**
   * Of the first so many of all these lists together, at least such a share begins so; where nothing is told of
   * the items, at most the other share does.
   */
  readonly mostly?: {
    lists: readonly { users: readonly string[]; domain: string; begin: string }[];
    of: number;
    share: number;
    withoutItems: number;
  };
  /** HR@10 of first likes in a domain, so many times that of popularity. */
  readonly firstLikes?: { betterThanPopularity: number };
}

type Ranking = (userId: string, domain: string) => string[];

async function learned(
  name: string,
  expected: Expected,
  { withItems = true, set = [] }: { withItems?: boolean; set?: readonly string[] } = {},
) {
  const module: string = join(FOLDER, name, 'generate.mjs');
  const generator = (await import(module)) as Generator;
  const folder = await mkdtemp(join(tmpdir(), 'isthmus-example-'));
  try {
    const [events, items] = [join(folder, 'events.csv'), join(folder, 'items.csv')];
    await writeFile(events, generator.events().join('\n'));
    const config = settingsWith({}, join(FOLDER, name, 'settings.json'), set);
    const known: CatalogueItem[] = [];
    if (withItems && generator.items !== undefined) {
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
    const recommender = new Recommender(pass.model, tower, { blend: config.learner });
    const ranking: Ranking = (userId, domain) => {
      const user = pass.users.get(userId)!;
      const [list] = recommender.recommend([{ user, domain, n: 1000 }]);
      return list!.items.map(({ itemId }) => itemId);
    };
    return { pass, ranking };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** How many of the first of these lists begin as they should. */
function shareOf(ranking: Ranking, { lists, of }: NonNullable<Expected['mostly']>): number {
  const hits = lists.flatMap(({ users, domain, begin }) =>
    users.map(
      (user) =>
        ranking(user, domain)
          .slice(0, of)
          .filter((id) => id.startsWith(begin)).length,
    ),
  );
  return hits.reduce((a, b) => a + b, 0) / (of * hits.length);
}

describe('the examples', () => {
  for (const name of readdirSync(FOLDER)) {
    it(`come out as they say: ${name}`, async () => {
      const file = readFileSync(join(FOLDER, name, 'expected.json'), 'utf8');
      const expected = JSON.parse(file) as Expected;
      const { pass, ranking } = await learned(name, expected);
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
        const { share, withoutItems } = expected.mostly;
        expect(shareOf(ranking, expected.mostly)).toBeGreaterThanOrEqual(share);
        const untold = await learned(name, expected, { withItems: false });
        expect(shareOf(untold.ranking, expected.mostly)).toBeLessThanOrEqual(withoutItems);
      }
      if (expected.firstLikes !== undefined) {
        const first = pass.summary.byHistory().find(({ bucket }) => bucket === '0')!;
        const { betterThanPopularity } = expected.firstLikes;
        expect(first.hr10).toBeGreaterThan(first.popularityHr10 * betterThanPopularity);
      }
    }, 60_000);
  }

  it('say which step size is too large, where learning runs away', async () => {
    const set = ['learningRate=5'];
    await expect(learned('two-languages', {}, { set })).rejects.toMatchObject({
      code: 'DELTA_NOT_FINITE',
      message: expect.stringContaining('too large: learningRate is 5, by default'),
    });
  });

  it('learn with content as well where its step size is far too large', async () => {
    const { pass } = await learned('two-languages', {}, { set: ['contentLearningRate=1'] });
    expect(pass.left.size).toBe(0);
    expect(pass.model.trainedEvents).toBe(3600);
  });
});
