import { parseArgs } from 'node:util';
import { IsthmusError } from '../../errors.js';

export interface QualityOptions {
  /** Folder with the Amazon sets, each in a folder of its own; undefined: those tables stay as they are. */
  readonly data: string | undefined;
  /** Fewer events, settings and seeds: minutes instead of an hour. Says so in what it writes. */
  readonly quick: boolean;
  /** Names of the sections to make; empty: all. */
  readonly only: readonly string[];
  /** Folder of quality.md and of the plots in quality/. */
  readonly out: string;
  /** Python that has what bench/peers/requirements.txt names. */
  readonly python: string;
}

export const USAGE = `npm run quality -- [--data DIR] [--quick] [--only NAME]... [--out DIR] [--python FILE]

Runs the standing tables and writes them, with their commands, into docs/quality.md, and the plots into
docs/quality/. What stands between the tables is left as it is; so are tables that were not made.

  --data DIR     folder with amazon-cloth-sport, amazon-cloth-sport-thin and amazon-food-kitchen
                 (events.csv.gz, cold-start-*.csv.gz), and ml-latest-small for its tags.csv; without
                 them their tables stay as they are
  --quick        fewer events, settings and seeds; the page says so
  --only NAME    movielens, peers, cold-start, ablation, content, encoders or shift; repeatable
  --out DIR      default docs
  --python FILE  with bench/peers/requirements.txt installed; default python3`;

/** Returns the options, or null where help is wanted. Errors: ARGUMENT_INVALID (usage). */
export function parseQualityOptions(
  argv: readonly string[],
  known: readonly string[],
): QualityOptions | null {
  const { values } = parsed(argv);
  if (values.help === true) return null;
  const only = values.only ?? [];
  const unknown = only.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new IsthmusError(
      'ARGUMENT_INVALID',
      'usage',
      `--only ${unknown} is no table: wants ${known.join(', ')}`,
    );
  }
  return {
    data: values.data,
    quick: values.quick === true,
    only,
    out: values.out ?? 'docs',
    python: values.python ?? 'python3',
  };
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        data: { type: 'string' },
        quick: { type: 'boolean' },
        only: { type: 'string', multiple: true },
        out: { type: 'string' },
        python: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new IsthmusError('ARGUMENT_INVALID', 'usage', `${(error as Error).message}\n\n${USAGE}`);
  }
}
