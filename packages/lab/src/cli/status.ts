import { EXIT, LabError } from '../errors.ts';
import type { LinkFault } from '../faults/link-faults.ts';
import type { LabStatus } from '../plan/lab-status.ts';
import { readFaults, readStatus } from '../sandbox/lab-control.ts';
import { stateOf, upCommand } from './find-lab.ts';
import { type LabIo, print } from './io.ts';

const POLL_MS = 200;

/** Resolves with 0 when the lab runs, 1 when it does not; rejects with 65 when nothing is known of it. */
export async function status(
  options: { name: string; wait?: boolean; output?: string },
  io: LabIo,
): Promise<number> {
  const state = stateOf(options.name, io);
  let found = await readStatus(state);
  while (options.wait && found?.state !== 'running') {
    if (io.signal.aborted) throw new LabError('interrupted');
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    found = await readStatus(state);
  }
  if (!found) {
    throw new LabError(
      `there is no lab ${options.name}: start one with ${upCommand(options.name)}`,
      EXIT.badInput,
    );
  }
  if (options.output === 'json') print(io, JSON.stringify(found, null, 2));
  else print(io, describe(found, found.state === 'running' ? await readFaults(state) : []));
  return found.state === 'running' ? EXIT.done : EXIT.failed;
}

function describe(lab: LabStatus, faults: readonly LinkFault[]): string {
  const total = lab.components.reduce((sum, { rssBytes }) => sum + rssBytes, 0);
  const width = Math.max(10, ...lab.components.map(({ name }) => name.length));
  return [
    `lab ${lab.name} is ${lab.state}`,
    '',
    `kubeconfig  ${lab.kubeconfig}`,
    ...lab.clusters.flatMap(({ name, apiServer, gateways }) => [
      `${name.padEnd(10)}  API server ${apiServer}, ingress ${gateways.ingress.http} (inside ${gateways.ingress.address})`,
    ]),
    ...(lab.vm ? [`vm          ${reachOf(lab.vm)} (inside ${lab.vm.address})`] : []),
    `versions    ${Object.entries(lab.versions)
      .map(([part, version]) => `${part} ${version}`)
      .join(', ')}`,
    ...faults.map(
      ({ machine, cut, delayMs }) =>
        `on purpose  ${machine} is ${cut ? 'cut off' : `slowed by ${delayMs} ms`}, until \`lab fault heal\``,
    ),
    '',
    `${'component'.padEnd(width)}  health    pid    memory  restarts`,
    ...lab.components.map(
      ({ name, pid, rssBytes, restarts, health }) =>
        `${name.padEnd(width)}  ${health.padEnd(8)}  ${String(pid ?? '-').padEnd(5)}  ${mib(rssBytes).padStart(6)}  ${restarts}`,
    ),
    `${'together'.padEnd(width)}  ${' '.repeat(15)}  ${mib(total).padStart(6)}`,
  ].join('\n');
}

function reachOf({ on, ssh }: NonNullable<LabStatus['vm']>): string {
  return on ? `ssh -F ${ssh.config} ${ssh.host}` : 'off, until `lab vm start`';
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)}M`;
}
