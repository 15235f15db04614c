#!/usr/bin/env node
import { exitCodeOf, report } from './cli/failure.js';
import { createProgram } from './cli/program.js';

/** Says why, and ends: what nobody has caught must not go on half alive. */
function dieOf(error: unknown): void {
  report(error);
  process.exit(1);
}
process.on('uncaughtException', dieOf);
process.on('unhandledRejection', dieOf);
// Whoever reads our output may stop reading (`isthmus topics list | head -1`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  dieOf(error);
});

try {
  const program = await createProgram(process.argv.slice(2));
  await program.parseAsync(process.argv);
} catch (error) {
  report(error);
  process.exitCode = exitCodeOf(error);
}
// Idle connections would keep the process for a while; what was written comes out first.
process.stdout.write('', () => process.exit());
