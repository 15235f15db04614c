import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Preprocessor } from '../../../online/preprocess/preprocessor.js';
import { User } from '../../../online/user.js';
import { readMovieLens } from '../../../producers/replay/movielens.js';
import { commandsOf, markdownTable } from '../page.js';
import { Evaluator, runJson } from '../run.js';
import { movielensArguments } from './movielens.js';
import { cell, quickly, type Section } from './section.js';

const SCRIPT = fileURLToPath(
  new URL('../../../../bench/peers/matrix_factorisation.py', import.meta.url),
);

interface PeerFigures {
  readonly events: number;
  readonly hr10: number;
  readonly ndcg10: number;
}

interface PeerResult {
  readonly peer: string;
  readonly library: string;
  readonly learn: string;
  readonly eventsPerSecond: number;
  readonly total: PeerFigures;
  readonly domains: readonly (PeerFigures & { readonly domain: string })[];
}

/** A matrix factorisation updated with each event, over the same stream. */
export const peers: Section = {
  name: 'peers',
  needsData: false,
  async make({ options, evaluator, scratch, say }) {
    const args = movielensArguments(options);
    say(Evaluator.command(args));
    const { mean } = await evaluator.several([...args, '--curve', join(scratch, 'curve.csv')]);
    const file = join(scratch, 'movielens.csv');
    await writeFile(file, await acceptedEvents(options.quick ? 20_000 : undefined));
    const results: PeerResult[] = [];
    for (const learn of ['implicit', 'stars']) {
      say(`matrix factorisation (${learn})`);
      const peer = await runJson(options.python, [SCRIPT, file, '--learn', learn, '--json']);
      results.push(peer as PeerResult);
    }
    const own = [...mean.domains, { ...mean.total!, domain: '**all**' }];
    const others = results.map(({ domains, total }) => [
      ...domains,
      { ...total, domain: '**all**' },
    ]);
    const rows = own.map((row) => [
      row.domain,
      cell(row),
      ...others.map((list) => cell(list.find(({ domain }) => domain === row.domain))),
    ]);
    const names = results.map(({ peer, learn, library }) => `${peer}, ${learn} (${library})`);
    return {
      markdown: [
        `${quickly(options)}${commandsOf([
          Evaluator.command(args),
          'pip install -r bench/peers/requirements.txt',
          'npm run quality -- --only peers',
        ])}`,
        markdownTable(['domain', 'isthmus', ...names], rows),
      ].join('\n\n'),
    };
  },
};

/** The ratings that are accepted, and which of them are signs of interest, as `evaluate` has them. */
async function acceptedEvents(limit: number | undefined): Promise<string> {
  const { events } = await readMovieLens();
  const preprocessor = new Preprocessor();
  const users = new Map<string, User>();
  const lines = ['user_id,item_id,domain,value,positive'];
  for (const event of events.slice(0, limit)) {
    const user = users.get(event.userId) ?? new User(event.userId);
    users.set(event.userId, user);
    const verdict = preprocessor.admit(event, user);
    if ('refused' in verdict) continue;
    const { domain, itemId, weight } = verdict.interaction;
    lines.push([event.userId, itemId, domain, event.value, weight > 0 ? 1 : 0].join(','));
  }
  return `${lines.join('\n')}\n`;
}
