import { commandsOf, markdownTable } from '../page.js';
import { Evaluator, RunFailed } from '../run.js';
import { AMAZON, amazonArguments } from './cold-start.js';
import { cell, limitArguments, quickly, type Section } from './section.js';

interface Variant {
  readonly what: string;
  readonly set: readonly string[];
  /** Whether it is made with `--quick` too. */
  readonly quick?: boolean;
}

const VARIANTS: readonly Variant[] = [
  { what: 'defaults', set: [], quick: true },
  { what: 'no embeddings (deep)', set: ['blendDeep=0', 'blendDeepNew=0'], quick: true },
  { what: 'no counts (wide)', set: ['blendLift=0', 'blendWalk=0', 'neighbours=0'], quick: true },
  { what: 'no popularity', set: ['blendPopularity=0'] },
  { what: 'no item biases', set: ['blendBias=0'] },
  { what: 'counts in one step', set: ['blendWalk=0', 'blendWalkNew=0'] },
  { what: 'counts in two steps', set: ['thirdStepBelow=0'] },
  { what: 'what is seen beside items counts in full', set: ['blendDiscountNew=0'] },
  {
    what: "newcomers' embeddings do not saturate",
    set: ['blendSaturationNew=0', 'blendDeepNew=0.5'],
  },
  { what: 'newcomers go through A', set: ['fitMemory=0'] },
  { what: 'W, A and W_r stay the identity', set: ['denseLearningRate=0'] },
  { what: 'gate stays even', set: ['gateLearningRate=0'] },
  { what: 'no replay', set: ['replay=0'] },
  { what: 'replay of 4', set: ['replay=4'] },
  { what: 'own domain is never hidden', set: ['ownDomainDropout=0'] },
  { what: 'histories are always whole', set: ['historyDropout=0'] },
  { what: 'no decay of embeddings (L2)', set: ['l2=0', 'biasL2=0'] },
  { what: 'd = 64', set: ['dimension=64'] },
];

/** What each part adds: the defaults with one thing changed, on users that nothing is told of else. */
export const ablation: Section = {
  name: 'ablation',
  needsData: false,
  async make({ options, evaluator, say }) {
    const sets = options.data === undefined ? [] : AMAZON;
    const variants = VARIANTS.filter(({ quick }) => quick === true || !options.quick);
    const stream = ['--movielens', ...limitArguments(options, 20_000)];
    const rows: string[][] = [];
    for (const { what, set } of variants) {
      const setArguments = set.flatMap((assignment) => ['--set', assignment]);
      say(`ablation: ${what}`);
      try {
        const { total } = await evaluator.one([...stream, ...setArguments]);
        const cells = [cell(total)];
        for (const amazon of sets) {
          const args = [...amazonArguments(amazon, 'valid'), ...setArguments];
          const { coldStart = [] } = await evaluator.one(args);
          cells.push(
            ...amazon.domains.map(({ name }) =>
              cell(coldStart.find(({ domain }) => domain === name)),
            ),
          );
        }
        rows.push([what, set.map((assignment) => `\`${assignment}\``).join(' '), ...cells]);
      } catch (error) {
        // A setting that has gone leaves the others their table.
        if (!(error instanceof RunFailed) || set.length === 0) throw error;
        say(`left out: ${error.message}`);
      }
    }
    const head = sets.flatMap(({ folder, domains }) =>
      domains.map(({ name }) => `${folder.replace('amazon-', '')}: ${name}`),
    );
    return {
      markdown: [
        `${quickly(options)}${commandsOf([
          `${Evaluator.command(stream)} --set blendDeep=0 --set blendDeepNew=0`,
          ...sets.map(
            (set) =>
              `${Evaluator.command(amazonArguments(set, 'valid'))} --set blendDeep=0 --set blendDeepNew=0`,
          ),
        ])}`,
        markdownTable(['', '`--set`', 'ml-latest-small, prequential', ...head], rows),
      ].join('\n\n'),
    };
  },
};
