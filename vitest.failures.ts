import type { Reporter, TestCase, TestModule } from 'vitest/node';

/**
 * Names every failure in a line of its own at the very end of a run, so that the last screen of a log (often all that
 * is kept of one) says what failed and why.
 */
export class FailuresLast implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const lines = modules.flatMap(failuresOf);
    if (lines.length === 0) return;
    // The default reporter prints its own summary when the run ends; this one belongs below it.
    process.once('exit', () => process.stderr.write(`\nFailed:\n${lines.join('\n')}\n`));
  }
}

function failuresOf(module: TestModule): string[] {
  const tests = [...module.children.allTests('failed')];
  const suites = [...module.children.allSuites()].filter((it) => it.errors().length > 0);
  return [
    ...module.errors().map((error) => line(module.relativeModuleId, '(the file)', error.message)),
    ...suites.map((suite) => line(module.relativeModuleId, suite.fullName, firstMessage(suite.errors()))),
    ...tests.map((test: TestCase) =>
      line(module.relativeModuleId, test.fullName, firstMessage(test.result().errors ?? [])),
    ),
  ];
}

function firstMessage(errors: readonly { readonly message: string }[]): string {
  return errors[0]?.message ?? 'no message';
}

const fromTheStart = 200;
/** A scenario's message is what its commands printed, and what went wrong comes last. */
const fromTheEnd = 900;

function line(file: string, name: string, message: string): string {
  const oneLine = message.replace(/\s+/g, ' ').trim();
  const shown =
    oneLine.length > fromTheStart + fromTheEnd
      ? `${oneLine.slice(0, fromTheStart)} … ${oneLine.slice(-fromTheEnd)}`
      : oneLine;
  return `  ${file} › ${name}\n      ${shown}`;
}
