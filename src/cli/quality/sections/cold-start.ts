import type { ColdStartResult } from '../../../evaluate/cold-start.js';
import { commandsOf, markdownTable } from '../page.js';
import { Evaluator } from '../run.js';
import { BASELINES, cell, quickly, type Section, seedArguments } from './section.js';

/** A pair of domains, and what models that are retrained offline came to on its test users. */
export interface AmazonSet {
  readonly folder: string;
  readonly domains: readonly {
    readonly name: string;
    readonly emcdr: string;
    readonly ials: string;
    readonly prototype: string;
  }[];
}

export const AMAZON: readonly AmazonSet[] = [
  {
    folder: 'amazon-cloth-sport',
    domains: [
      { name: 'cloth', emcdr: '15.9 / 9.3', ials: '18.5 / 13.3', prototype: '24.3 / 19.5' },
      { name: 'sport', emcdr: '14.0 / 7.9', ials: '18.1 / 12.9', prototype: '22.7 / 17.7' },
    ],
  },
  {
    folder: 'amazon-food-kitchen',
    domains: [
      { name: 'food', emcdr: '25.5 / 14.7', ials: '18.3 / 9.4', prototype: '25.1 / 14.5' },
      { name: 'kitchen', emcdr: '15.0 / 8.2', ials: '11.9 / 6.3', prototype: '14.8 / 8.3' },
    ],
  },
  {
    folder: 'amazon-cloth-sport-thin',
    domains: [
      { name: 'cloth', emcdr: '11.2 / 6.6', ials: '6.5 / 4.1', prototype: '15.7 / 11.7' },
      { name: 'sport', emcdr: '11.7 / 6.2', ials: '5.9 / 3.3', prototype: '15.2 / 10.5' },
    ],
  },
];

/** The arguments of a run over a set; `$D` is the folder of all sets. */
export function amazonArguments({ folder, domains }: AmazonSet, users: 'valid' | 'test'): string[] {
  return [
    '--events',
    `$D/${folder}/events.csv.gz`,
    ...domains.flatMap(({ name }) => [
      '--cold-start',
      `$D/${folder}/cold-start-${users}-${name}.csv.gz`,
    ]),
    '--no-prequential',
  ];
}

/** Users who are new to a domain: test users of the Amazon sets, beside models retrained offline. */
export const coldStart: Section = {
  name: 'cold-start',
  needsData: true,
  async make({ options, evaluator, say }) {
    const rows: string[][] = [];
    const commands: string[] = [];
    for (const set of AMAZON) {
      const args = [
        ...amazonArguments(set, 'test'),
        '--baselines',
        BASELINES.join(','),
        ...seedArguments(options),
      ];
      commands.push(Evaluator.command(args));
      say(commands.at(-1)!);
      const { mean, deviation } = await evaluator.several(args);
      for (const { name, emcdr, ials, prototype } of set.domains) {
        const at = mean.coldStart?.findIndex(({ domain }) => domain === name) ?? -1;
        const row = mean.coldStart?.[at] as ColdStartResult;
        rows.push([
          `${set.folder.replace('amazon-', '')}: ${name}`,
          row.users.toLocaleString('en'),
          `**${cell(row, deviation.coldStart?.[at])}**`,
          ...BASELINES.map((baseline) => cell(row.baselines?.[baseline])),
          emcdr,
          ials,
          prototype,
        ]);
      }
    }
    const head = ['', 'users', 'isthmus', ...BASELINES, 'EMCDR', 'joint iALS', 'prototype'];
    return {
      markdown: [
        `${quickly(options)}${commandsOf(commands)}`,
        markdownTable(head, rows),
        'EMCDR and joint iALS are retrained offline on the whole of the training events; they and the prototype were measured once, elsewhere, on the same users, with 999 negatives.',
      ].join('\n\n'),
    };
  },
};
