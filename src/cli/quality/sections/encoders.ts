import { commandsOf, markdownTable } from '../page.js';
import { Evaluator } from '../run.js';
import { AMAZON, amazonArguments } from './cold-start.js';
import { cell, limitArguments, quickly, type Section } from './section.js';

const ENCODERS = ['mean', 'conv', 'gru', 'attention'];

/** What each encoder gives and costs. */
export const encoders: Section = {
  name: 'encoders',
  needsData: false,
  async make({ options, evaluator, say }) {
    const set = options.data === undefined ? undefined : AMAZON[0];
    const stream = ['--movielens', ...limitArguments(options, 20_000)];
    const rows: string[][] = [];
    for (const encoder of ENCODERS) {
      say(`encoder ${encoder}`);
      const own = ['--set', `encoder=${encoder}`];
      const { total } = await evaluator.one([...stream, ...own]);
      const speed = await evaluator.one([...stream, '--no-prequential', ...own]);
      const cells = [cell(total)];
      if (set !== undefined) {
        const { coldStart = [] } = await evaluator.one([...amazonArguments(set, 'valid'), ...own]);
        cells.push(
          ...set.domains.map(({ name }) => cell(coldStart.find((row) => row.domain === name))),
        );
      }
      const perSecond = Math.round(speed.eventsPerSecond / 100) * 100;
      rows.push([`\`${encoder}\``, ...cells, perSecond.toLocaleString('en')]);
    }
    const head =
      set?.domains.map(({ name }) => `${set.folder.replace('amazon-', '')}: ${name}`) ?? [];
    return {
      markdown: [
        `${quickly(options)}${commandsOf([
          `${Evaluator.command(stream)} --set encoder=conv`,
          `${Evaluator.command([...stream, '--no-prequential'])} --set encoder=conv`,
          ...(set === undefined
            ? []
            : [`${Evaluator.command(amazonArguments(set, 'valid'))} --set encoder=conv`]),
        ])}`,
        markdownTable(
          ['', 'ml-latest-small, prequential', ...head, 'events/s, learning alone'],
          rows,
        ),
      ].join('\n\n'),
    };
  },
};
