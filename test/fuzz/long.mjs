// npm run fuzz -- [--histories N] [--seed S]: many seeded histories; a failing one is printed with its seed.
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Math.floor(Date.now() / 1000) % 1_000_000) },
  },
});
console.log(`${values.histories} histories from seed ${values.seed} on`);
const vitest = ['vitest', 'run', '--project', 'slow', 'test/fuzz/seeded.test.ts'];
const child = spawn('npx', vitest, {
  stdio: 'inherit',
  env: { ...process.env, FUZZ_HISTORIES: values.histories, FUZZ_SEED: values.seed },
});
child.on('exit', (code) => process.exit(code ?? 1));
