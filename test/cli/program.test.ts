import { type Command, CommanderError } from 'commander';
import { describe, expect, it, test } from 'vitest';
import { rate, several, whole } from '../../src/cli/arguments.js';
import { exitCodeOf, failureText } from '../../src/cli/failure.js';
import { COMMANDS, createProgram } from '../../src/cli/program.js';
import { addressOf } from '../../src/cli/recommend.js';
import { IsthmusError } from '../../src/errors.js';

/** `demo` and `bench` load the whole house; the integration tests run them. */
const LIGHT = COMMANDS.filter(({ name }) => name !== 'demo' && name !== 'bench');

function leaves(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

async function failureOf(args: readonly string[]): Promise<unknown> {
  const program = await createProgram(args, LIGHT);
  const quiet = { writeOut: () => undefined, writeErr: () => undefined };
  const hush = (command: Command): void => {
    command.configureOutput(quiet);
    for (const inner of command.commands) hush(inner);
  };
  hush(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return null;
  } catch (error) {
    return error;
  }
}

describe('the table of commands', () => {
  it('says of each command what the command says of itself', async () => {
    for (const { name, summary, load } of LIGHT) {
      const command = await load();
      expect([command.name(), command.description()]).toEqual([name, summary]);
    }
  });

  it('gives every command --config, and all that answer --json', async () => {
    const silent = ['kafka', 'run'];
    for (const { load } of LIGHT) {
      for (const command of leaves(await load())) {
        const options = command.options.map(({ long }) => long);
        expect(options, command.name()).toContain('--config');
        expect(options.includes('--json'), command.name()).toBe(!silent.includes(command.name()));
      }
    }
  });
});

describe('exit codes', () => {
  test.each<[string[], number]>([
    [['--help'], 0],
    [['--version'], 0],
    [['run', '--help'], 0],
    [['help', 'topics'], 0],
    [[], 2],
    [['frobnicate'], 2],
    [['topics'], 2],
    [['topics', 'remove'], 2],
    [['run', '--nope'], 2],
    [['produce'], 2],
    [['recommend', '--user', 'u', '--n', 'many'], 2],
    [['topics', 'create', '--partitions', '0'], 2],
    [['kafka', '--port', '70000'], 2],
    [['evaluate', '--movielens', '--set', 'replay=300'], 2],
    [['evaluate', '--movielens', '--events', 'both.csv'], 2],
    [['config', '--config', '/there/is/no/such/file'], 2],
  ])('%j ends with %i', async (args, code) => {
    expect(exitCodeOf(await failureOf(args))).toBe(code);
  });

  it('are 2 where the call was wrong, 1 otherwise', () => {
    expect(exitCodeOf(new IsthmusError('A', 'usage', 'm'))).toBe(2);
    expect(exitCodeOf(new IsthmusError('A', 'fatal', 'm'))).toBe(1);
    expect(exitCodeOf(new IsthmusError('A', 'retry', 'm'))).toBe(1);
    expect(exitCodeOf(new TypeError('m'))).toBe(1);
    expect(exitCodeOf(new CommanderError(1, 'commander.unknownOption', 'm'))).toBe(2);
  });
});

describe('what people are told', () => {
  it('is a sentence with the code, the cause after it, and no stack', () => {
    const cause = new Error('connect ECONNREFUSED');
    const error = new IsthmusError('BROKER_X', 'retry', 'No broker answers', { cause });
    expect(failureText(error, false)).toBe(
      'isthmus: BROKER_X: No broker answers. Cause: connect ECONNREFUSED.',
    );
    expect(failureText(error, true)).toMatch(/\n\s+at [\s\S]*caused by: Error: connect/);
  });

  it('says how to find out more where nobody foresaw the error', () => {
    expect(failureText(new TypeError('x is not a function'), false)).toMatch(
      /^isthmus: UNEXPECTED: x is not a function\. .*ISTHMUS_LOG_LEVEL=debug/,
    );
  });
});

describe('arguments', () => {
  it('are numbers within their bounds, or refused', () => {
    expect(whole(1, 10)('10')).toBe(10);
    for (const text of ['0', '11', '-1', '1.5', '1e3', '', 'ten']) {
      expect(() => whole(1, 10)(text), text).toThrow('A whole number, from 1 to 10, is wanted.');
    }
    expect(rate('0.5')).toBe(0.5);
    for (const text of ['-1', 'fast', '']) expect(() => rate(text)).toThrow('0 or more');
    expect(several('b', ['a'])).toEqual(['a', 'b']);
  });

  it('have an address of the service that this machine can reach', () => {
    expect(addressOf({ httpHost: '0.0.0.0', httpPort: 80 })).toBe('http://127.0.0.1:80');
    expect(addressOf({ httpHost: '::1', httpPort: 8080 })).toBe('http://[::1]:8080');
    expect(addressOf({ httpHost: 'isthmus', httpPort: 8080 })).toBe('http://isthmus:8080');
  });
});
