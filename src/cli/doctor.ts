import { Command } from 'commander';
import { type CommonOptions, withCommon } from './arguments.js';
import { kafkaOf, loggerOf, settingsOf } from './context.js';
import { say, sayJson } from './output.js';

interface DoctorOptions extends CommonOptions {
  readonly readOnly: boolean;
  readonly json: boolean;
}

const ASK_WITHIN_MS = 5_000;

/** `isthmus doctor` */
export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('Check all that the service needs, and say what to do where something is missing')
    .option(
      '--read-only',
      'make no topic for a moment: transactions and clock are not checked',
      false,
    )
    .option('--json', 'print {ok, findings: [{check, verdict, detail, remedy}]}', false);
  return withCommon(command, ['isthmus doctor', 'isthmus doctor --read-only --json']).action(
    async (options: DoctorOptions) => {
      const config = settingsOf(options);
      const transport = await kafkaOf(config, loggerOf(config), ASK_WITHIN_MS);
      const [{ checkBackends, checkNode }, { checkKafka }, { checkRegistry }, report] =
        await Promise.all([
          import('./doctor/machine.js'),
          import('./doctor/kafka.js'),
          import('./doctor/registry.js'),
          import('./doctor/report.js'),
        ]);
      try {
        const findings = [
          checkNode(),
          await checkBackends(config),
          ...(await checkKafka(config, transport, !options.readOnly)),
          await checkRegistry(config),
        ];
        const ok = report.isWell(findings);
        if (options.json) sayJson({ ok, findings });
        else say(report.textOf(findings));
        if (!ok) process.exitCode = 1;
      } finally {
        await transport.close();
      }
    },
  );
}
