import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Evaluation } from '../../evaluate/evaluate.js';
import type { SeveralSeeds } from '../../evaluate/seeds.js';

const CLI = fileURLToPath(new URL('../../cli.js', import.meta.url));

/** A program that did not end well; the message has the end of what it said. */
export class RunFailed extends Error {}

/** `isthmus evaluate` in a process of its own, so that one run does not warm another. */
export class Evaluator {
  private readonly answers = new Map<string, Promise<unknown>>();
  private readonly folder: string;

  /** @param folder Where the files that the arguments name lie; the commands that are told name it $D. */
  constructor(folder: string) {
    this.folder = folder;
  }

  /** As people type it: short, and without where this machine has its files. */
  static command(args: readonly string[]): string {
    return `isthmus evaluate ${args.join(' ')}`;
  }

  one(args: readonly string[]): Promise<Evaluation> {
    return this.run(args) as Promise<Evaluation>;
  }

  several(args: readonly string[]): Promise<SeveralSeeds> {
    return this.run(args) as Promise<SeveralSeeds>;
  }

  /** The same arguments are run once. */
  private run(args: readonly string[]): Promise<unknown> {
    const key = args.join(' ');
    let answer = this.answers.get(key);
    if (answer === undefined) {
      const real = args.map((arg) => arg.replace('$D', this.folder));
      answer = runJson(process.execPath, [CLI, 'evaluate', '--json', ...real]);
      this.answers.set(key, answer);
    }
    return answer;
  }
}

/** Returns the JSON that a program prints. RunFailed where it does not. */
export function runJson(program: string, args: readonly string[]): Promise<unknown> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('ISTHMUS_')),
  );
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, said] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2000);
    });
    child.on('error', (cause) => reject(new RunFailed(`${program} cannot be run`, { cause })));
    child.on('close', (code) => {
      if (code !== 0) return reject(new RunFailed(`${program} ${args.join(' ')}: ${said.trim()}`));
      try {
        resolve(JSON.parse(out));
      } catch (cause) {
        reject(new RunFailed(`${program} printed no JSON`, { cause }));
      }
    });
  });
}
