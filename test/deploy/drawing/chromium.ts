import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from './page.js';

const NAMES = ['chromium-headless-shell', 'chromium', 'google-chrome'];

/** The headless browser of this machine (CHROMIUM, or one on the path); undefined where there is none. */
export function chromium(): string | undefined {
  const { CHROMIUM } = process.env;
  const candidates = CHROMIUM === undefined ? NAMES : [CHROMIUM];
  return candidates.find((name) => spawnSync(name, ['--version']).status === 0);
}

/** Writes a picture of the page, a PNG. Throws with the browser's words where it takes none. */
export function takePicture(browser: string, page: Page, file: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-page-'));
  try {
    const html = join(folder, 'page.html');
    writeFileSync(html, page.html);
    const { status, stderr } = spawnSync(
      browser,
      [
        '--headless',
        // As root there is no sandbox; the page is ours and loads nothing.
        '--no-sandbox',
        '--disable-gpu',
        '--hide-scrollbars',
        `--user-data-dir=${join(folder, 'profile')}`,
        `--window-size=${page.width},${page.height}`,
        `--screenshot=${resolve(file)}`,
        `file://${html}`,
      ],
      { encoding: 'utf8', timeout: 60_000 },
    );
    if (status !== 0) throw new Error(`${browser} took no picture: ${stderr}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
