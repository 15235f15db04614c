import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { Pass } from '../../src/evaluate/pass.js';
import { Random } from '../../src/online/random.js';
import { createTower } from '../../src/online/tower/backend.js';

const EVENTS = 60_000;
/** Streams that figures are means of. */
const STREAMS = ['one', 'two'];
const USERS = 1500;
const GROUPS = 10;
const ITEMS_OF_GROUP = 60;

/** The group of items that a user who likes group `taste` takes to in the other domain. */
type Elsewhere = (i: number, taste: number, other: number, random: Random) => number;

/**
 * Users, some far more active than others, who take to one group of items in `here` seven times in ten; what
 * they do in `there` is another matter.
 */
function streamOf(
  name: string,
  elsewhere: Elsewhere,
): { userId: string; domain: string; itemId: string }[] {
  const random = Random.of('harm', name);
  const tastes = Array.from({ length: USERS }, () => [random.below(GROUPS), random.below(GROUPS)]);
  return Array.from({ length: EVENTS }, (_, i) => {
    const user = Math.floor(USERS * random.float() ** 2);
    const [taste, other] = tastes[user] as [number, number];
    const domain = random.float() < 0.5 ? 'here' : 'there';
    const faithful = random.float() < 0.7;
    const liked = domain === 'here' ? taste : elsewhere(i, taste, other, random);
    const group = faithful ? liked : random.below(GROUPS);
    const item = Math.floor(ITEMS_OF_GROUP * random.float() ** 2);
    return { userId: `u${user}`, domain, itemId: `${group}-${item}` };
  });
}

/** HR@10 in `here` over the second half of the stream. */
async function lateHits(
  events: ReturnType<typeof streamOf>,
  set: Readonly<Record<string, string>> = {},
): Promise<number> {
  const config = loadConfig(set);
  const { tower } = await createTower('auto', config.learner.phi);
  const pass = new Pass(tower, {
    learner: config.learner,
    preprocess: {},
    topic: 'events',
    prequential: true,
  });
  const sofar = (): { samples: number; hits: number } => {
    const means = pass.summary.byDomain().find(({ domain }) => domain === 'here')!;
    return { samples: means.samples, hits: means.hr10 * means.samples };
  };
  let half = { samples: 0, hits: 0 };
  for (const [i, event] of events.entries()) {
    if (i === Math.floor(events.length / 2)) half = sofar();
    const told = { action: 'like', value: null, eventId: null };
    pass.add({ ...event, ...told, occurredAtMs: 1.6e12 + i * 60_000 });
  }
  pass.finish();
  const all = sofar();
  return (all.hits - half.hits) / (all.samples - half.samples);
}

/** The mean over the streams of what is left of HR@10 in `here` once users are in the other domain too. */
async function kept(elsewhere: Elsewhere, set?: Readonly<Record<string, string>>): Promise<number> {
  let [both, alone] = [0, 0];
  for (const name of STREAMS) {
    const events = streamOf(name, elsewhere);
    both += await lateHits(events, set);
    alone += await lateHits(events.filter(({ domain }) => domain === 'here'));
  }
  return both / alone;
}

describe('what users do in another domain', () => {
  const unrelated: Elsewhere = (_, __, other) => other;
  // Right for a third of the stream, then never again.
  const misleading: Elsewhere = (i, taste, _, random) =>
    i < EVENTS / 3 ? taste : (taste + 1 + random.below(GROUPS - 1)) % GROUPS;

  it('costs at most 1 % where it says nothing, and far more if it is trusted', async () => {
    expect(await kept(unrelated)).toBeGreaterThan(0.99);
    expect(await kept(unrelated, { ISTHMUS_LEARNER_DISTRUST: '0' })).toBeLessThan(0.95);
  }, 300_000);

  it('costs at most 1 % where it misleads', async () => {
    expect(await kept(misleading)).toBeGreaterThan(0.99);
  }, 300_000);
});
