import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/tfjs-node-install.mjs', import.meta.url));
const here = process.platform === 'linux' && process.arch === 'x64';

describe('tfjs-node:install', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tfjs-node-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** In a world whose only programs are these, with an empty cache. */
  function install(programs: readonly string[], ...options: string[]) {
    for (const program of programs) symlinkSync('/bin/true', join(folder, program));
    const env = { PATH: folder, ISTHMUS_CACHE: join(folder, 'cache') };
    return spawnSync(process.execPath, [script, ...options], { env, encoding: 'utf8' });
  }

  it.runIf(here)('names everything that is missing, in one line', () => {
    const { status, stderr } = install([], '--force');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tfjs-node: needs g\+\+ .* and python3 with pip .*\n$/);
  });

  it.runIf(here)('names only what is missing', () => {
    const { status, stderr } = install(['python3'], '--force');
    expect(status).toBe(1);
    expect(stderr).toContain('g++');
    expect(stderr).not.toContain('python3');
  });

  it('refuses an option that it does not know, and names those that there are', () => {
    const { status, stderr } = install([], '--fast');
    expect(status).toBe(1);
    expect(stderr).toContain('--check, --copy, --force');
  });
});
