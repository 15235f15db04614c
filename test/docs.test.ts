import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../src/cli/program.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

function sources(folder: string): { file: string; text: string }[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ file: join(folder, name), text: read(join(folder, name)) }));
}

/** Cells of the rows of a page's tables. */
function rowsOf(page: string): string[][] {
  return page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
}

const DISPOSITIONS = /'(dead-letter|retry|close-task|fatal|usage)'/g;
/** Written by the last resort of the command line, which has no IsthmusError. */
const EVERYWHERE = new Map([['UNEXPECTED', new Set(['fatal'])]]);

/** Codes of the errors that src makes, with their dispositions. */
function thrown(): Map<string, Set<string>> {
  const codes = new Map(EVERYWHERE);
  for (const { file, text } of sources('src')) {
    for (const [, code, rest] of text.matchAll(
      /new IsthmusError\(\s*'([A-Z_]+)',\s*([^,]+(?:\?[^,]+)?),/g,
    )) {
      const found = codes.get(code ?? '') ?? new Set();
      const dispositions = [...(rest ?? '').matchAll(DISPOSITIONS)].map((match) => match[1] ?? '');
      expect(dispositions, `the disposition of ${code} in ${file}`).not.toEqual([]);
      for (const disposition of dispositions) found.add(disposition);
      codes.set(code ?? '', found);
    }
    const made = text.match(/new IsthmusError\(/g)?.length ?? 0;
    const named = text.match(/new IsthmusError\(\s*'[A-Z_]+',/g)?.length ?? 0;
    expect(named, `errors of ${file} have their codes in place`).toBe(made);
  }
  codes.set('UNDECODABLE_EVENT', new Set(['dead-letter']));
  codes.set('UNDECODABLE_RECORD', new Set(['fatal']));
  return codes;
}

/** Codes that HTTP answers alone has. */
function answered(): string[] {
  const codes = sources('src/http').flatMap(({ text }) => [
    ...text.matchAll(/(?:RequestError|problem|probe)\([^'`]*?'([A-Z_]+)'/g),
  ]);
  return [...new Set(codes.map((match) => match[1] ?? ''))].sort();
}

describe('docs/errors.md', () => {
  const rows = rowsOf(read('docs/errors.md'));
  const codes = rows.filter((cells) => /^`[A-Z_]+`$/.test(cells[1] ?? ''));

  it('has every error code that src throws, with its disposition, and what to do', () => {
    const documented = new Map(
      codes
        .filter((cells) => cells.length === 6)
        .map(([, code, dispositions, meaning, next]) => {
          expect(meaning, `the meaning of ${code}`).not.toBe('');
          expect(next, `what to do about ${code}`).not.toBe('');
          return [code, (dispositions ?? '').split(', ').sort()];
        }),
    );
    const code = new Map([...thrown()].map(([name, set]) => [`\`${name}\``, [...set].sort()]));
    expect([...documented].sort()).toEqual([...code].sort());
  });

  it('has every code that HTTP answers with, and no other', () => {
    const documented = codes.filter((cells) => cells.length === 5).map(([, code]) => code);
    expect(documented.sort()).toEqual(answered().map((code) => `\`${code}\``));
  });

  it('knows every subclass of IsthmusError', () => {
    const found = sources('src').flatMap(({ text }) => [
      ...text.matchAll(/class (\w+) extends IsthmusError/g),
    ]);
    expect(found.map((match) => match[1]).sort()).toEqual(['RequestError', 'UndecodableError']);
  });

  it('has every reason for which an event is not learned, and no other', () => {
    const types = [
      ['src/serde/errors.ts', 'UndecodableReason'],
      ['src/online/preprocess/validation.ts', 'InvalidReason'],
      ['src/online/preprocess/preprocessor.ts', 'RefusedReason'],
    ] as const;
    const reasons = types.flatMap(([file, type]) => {
      const union = new RegExp(`type ${type} =([^;]+);`).exec(read(file))?.[1] ?? '';
      return [...union.matchAll(/'([a-z0-9-]+)'/g)].map((match) => `\`${match[1]}\``);
    });
    const documented = rows
      .filter((cells) => cells.length === 4 && /^`[a-z0-9-]+`$/.test(cells[1] ?? ''))
      .map(([, reason]) => reason);
    expect(documented.filter((name) => !DISPOSITION_NAMES.has(name ?? '')).sort()).toEqual(
      reasons.sort(),
    );
  });
});

const DISPOSITION_NAMES = new Set(
  ['dead-letter', 'retry', 'close-task', 'fatal', 'usage'].map((name) => `\`${name}\``),
);

/** Those load the whole house; their names and words are read off their files. */
const HEAVY = ['demo', 'bench'];

function leaves(command: Command, before: string): string[] {
  const name = `${before} ${command.name()}`;
  return command.commands.length === 0
    ? [name]
    : command.commands.flatMap((inner) => leaves(inner, name));
}

async function commandNames(): Promise<string[]> {
  const light = COMMANDS.filter(({ name }) => !HEAVY.includes(name));
  const loaded = await Promise.all(light.map((row) => row.load()));
  return [
    ...loaded.flatMap((command) => leaves(command, 'isthmus')),
    ...HEAVY.map((name) => `isthmus ${name}`),
  ];
}

describe('docs/commands.md', () => {
  it('has every command, and no other', async () => {
    const documented = rowsOf(read('docs/commands.md'))
      .map(([, name]) => name ?? '')
      .filter((name) => name.startsWith('`isthmus '));
    const code = (await commandNames()).map((name) => `\`${name}\``);
    expect(documented.sort()).toEqual(code.sort());
  });
});

describe('README.md', () => {
  it.runIf(existsSync(join(root, 'README.md')))('names commands and scripts that exist', () => {
    const code = [...read('README.md').matchAll(/```[^`]*```|`[^`]+`/g)].join('\n');
    const known = COMMANDS.map(({ name }) => name);
    const named = [...code.matchAll(/^`?(?:[A-Z_]+=\S+ )*isthmus ([a-z]+)/gm)];
    expect(named.length).toBeGreaterThan(0);
    for (const [, name] of named) expect(known).toContain(name);
    const { scripts } = JSON.parse(read('package.json')) as { scripts: object };
    for (const [, name] of code.matchAll(/npm run (?:-s )?([a-z:-]+)/g)) {
      expect(Object.keys(scripts)).toContain(name);
    }
  });
});

describe('the links of the pages', () => {
  it('lead to files that there are', () => {
    const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
    for (const page of pages) {
      for (const [, target] of read(`docs/${page}`).matchAll(/\]\(([^)#:]+\.md)[^)]*\)/g)) {
        expect(existsSync(join(root, 'docs', target ?? '')), `${target} in ${page}`).toBe(true);
      }
    }
  });
});
