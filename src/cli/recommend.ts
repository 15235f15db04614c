import { Command } from 'commander';
import type { Config } from '../config.js';
import { IsthmusError } from '../errors.js';
import { authorization } from '../http/auth.js';
import { type CommonOptions, whole, withCommon } from './arguments.js';
import { settingsOf } from './context.js';
import { percent, say, sayJson, table } from './output.js';

interface RecommendOptions extends CommonOptions {
  readonly user: string;
  readonly domain?: string;
  readonly n: number;
  readonly url?: string;
  readonly json: boolean;
}

/** What the service answers. */
interface Answer {
  readonly userId: string;
  readonly modelVersion: number;
  readonly recommendations: readonly {
    readonly domain: string;
    readonly items: readonly {
      itemId: string;
      score: number;
      title?: string;
      because?: readonly { itemId: string; domain: string; title?: string }[];
    }[];
    readonly transfer: readonly { fromDomain: string; weight: number }[];
  }[];
}

const ANSWER_WITHIN_MS = 10_000;

/** `isthmus recommend`: a question to the running service. */
export function recommendCommand(): Command {
  const command = new Command('recommend')
    .description('Ask the running service what a user would like')
    .requiredOption('--user <id>', 'the user; an unknown one gets what is popular')
    .option('--domain <name>', 'in this domain only; otherwise in each')
    .option('--n <n>', 'items of a list', whole(1, 1000), 10)
    .option('--url <address>', 'where the service is; otherwise ISTHMUS_HTTP_HOST and _PORT')
    .option('--json', "print the service's answer", false);
  return withCommon(command, [
    'isthmus recommend --user 42 --domain books',
    'isthmus recommend --user 42 --n 3 --url http://127.0.0.1:8080 --json',
  ]).action(async (options: RecommendOptions) => {
    const config = settingsOf(options);
    const answer = await ask(options.url ?? addressOf(config), config.httpToken, options);
    if (options.json) return sayJson(answer);
    if (answer.recommendations.length === 0) return say('No domain has been seen yet.');
    for (const { domain, items, transfer } of answer.recommendations) {
      const from = transfer.map(({ fromDomain, weight }) => `${fromDomain} ${percent(weight)}`);
      say(`${domain}  (${from.length === 0 ? 'by popularity' : `from ${from.join(', ')}`})`);
      const rows = items.map(({ itemId, score, title, because = [] }) => [
        itemId,
        title ?? '',
        score.toFixed(4),
        because
          .map((touched) => touched.title ?? `${touched.domain}/${touched.itemId}`)
          .join(' · '),
      ]);
      say(table(['item', 'title', 'score', 'because of'], rows, ['score']));
    }
  });
}

/** Where a service with these settings is reached from this machine. */
export function addressOf(config: Pick<Config, 'httpHost' | 'httpPort'>): string {
  const { httpHost, httpPort } = config;
  const host = httpHost === '0.0.0.0' || httpHost === '::' ? '127.0.0.1' : httpHost;
  return `http://${host.includes(':') ? `[${host}]` : host}:${httpPort}`;
}

async function ask(base: string, token: string | null, options: RecommendOptions): Promise<Answer> {
  const url = questionTo(base, options);
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(url, {
      headers: authorization(token),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    body = await response.json();
  } catch (cause) {
    throw new IsthmusError(
      'SERVICE_UNREACHABLE',
      'fatal',
      `No isthmus service answers at ${url.origin}: start one (\`isthmus run\`), or say where it is (--url, or ISTHMUS_HTTP_HOST and ISTHMUS_HTTP_PORT)`,
      { cause },
    );
  }
  if (response.ok) return body as Answer;
  const { code, message } = body as { code?: string; message?: string };
  throw new IsthmusError(
    'SERVICE_REFUSED',
    response.status < 500 ? 'usage' : 'fatal',
    `The service answered ${response.status} ${code ?? ''}: ${message ?? response.statusText}`,
  );
}

function questionTo(base: string, { user, domain, n }: RecommendOptions): URL {
  try {
    const url = new URL(`/users/${encodeURIComponent(user)}/recommendations`, base);
    url.searchParams.set('n', String(n));
    if (domain !== undefined) url.searchParams.set('domain', domain);
    return url;
  } catch (cause) {
    throw new IsthmusError(
      'ARGUMENT_INVALID',
      'usage',
      `--url is "${base}": wants an address such as http://127.0.0.1:8080`,
      { cause },
    );
  }
}
