import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rooted, text } from '../deploy/support/files.js';

const run = promisify(execFile);

let folder: string;
let files: string[];
let size: number;
let tarball: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isthmus-package-'));
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await run('npm', args, { cwd: rooted('.') });
  const [packed] = JSON.parse(stdout) as [
    { filename: string; size: number; files: { path: string }[] },
  ];
  files = packed.files.map(({ path }) => path);
  size = packed.size;
  tarball = join(folder, packed.filename);
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

const sourceOf = (file: string): string => file.replace(/^dist\/(.*)\.js$/, 'src/$1.ts');

describe('the package', () => {
  test('holds the program, schemas, data and pages, and nothing else', () => {
    const rest = files.filter((file) => !/^dist\/.*\.js$/.test(file));
    const wanted = [
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
      /^schemas\/(past\/)?[\w-]+\.avsc$/,
      /^data\/ml-latest-small\/(NOTICE|README\.txt|\w+\.csv\.gz)$/,
      /^docs\/[\w-]+\.md$/,
    ];
    expect(rest.filter((file) => !wanted.some((pattern) => pattern.test(file)))).toEqual([]);
    for (const pattern of wanted) expect(rest.some((file) => pattern.test(file))).toBe(true);
    // What an older build has left is not this one's: a release is built from nothing.
    const compiled = files.filter((file) => /^dist\//.test(file));
    const made = compiled.filter((file) => existsSync(rooted(sourceOf(file))));
    expect(made.length).toBeGreaterThan(200);
    expect(made).toContain('dist/cli.js');
    expect(compiled.filter((file) => file.startsWith('dist/cli/quality'))).toEqual([]);
    expect(size).toBeLessThan(3_000_000);
  });

  test('works where it is unpacked, with the packages that it names', async () => {
    const modules = join(folder, 'app', 'node_modules');
    await mkdir(join(modules, '.bin'), { recursive: true });
    await run('tar', ['xzf', tarball, '-C', modules]);
    // Packages that it depends on, as npm would lay them: beside it, and no others of ours.
    const { packages } = JSON.parse(text('package-lock.json')) as {
      packages: Record<string, { dev?: boolean; optional?: boolean }>;
    };
    for (const [path, { dev, optional }] of Object.entries(packages)) {
      const direct = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
      if (direct === undefined || dev === true || optional === true) continue;
      const to = join(modules, direct);
      await mkdir(join(to, '..'), { recursive: true });
      await symlink(rooted(path), to);
    }
    const cli = join(modules, 'package', 'dist', 'cli.js');
    const env = { PATH: process.env.PATH ?? '', HOME: folder, ISTHMUS_BACKEND: 'simd' };
    const call = (...args: string[]) => run(process.execPath, [cli, ...args], { cwd: folder, env });
    expect((await call('--help')).stdout).toMatch(/demo[\s\S]*doctor[\s\S]*isthmus COMMAND --help/);
    const { version } = JSON.parse(text('package.json')) as { version: string };
    expect((await call('--version')).stdout.trim()).toBe(version);
    const evaluated = await call('evaluate', '--movielens', '--limit', '300', '--json');
    expect(JSON.parse(evaluated.stdout)).toMatchObject({ events: 300 });
  }, 120_000);
});
