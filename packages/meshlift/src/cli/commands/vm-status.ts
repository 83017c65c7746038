import { stringify } from 'yaml';
import type { Ssh } from '../../effects/ssh/port.ts';
import type { EngineContext } from '../../engine/context.ts';
import { machinesHealth } from '../../engine/observe.ts';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import { isMeshliftError } from '../../errors/error.ts';
import type { Health } from '../../migration/observation.ts';
import { formatDuration } from '../../spec/duration.ts';
import { portsOf } from '../../spec/migration.ts';
import { readVmFacts, serviceReach, type VmFacts } from '../../vm/facts.ts';
import { readVmInbound, type VmInbound } from '../../vm/inbound.ts';
import { withReadOnlyContext } from '../open-context.ts';
import type { CommonOptions } from '../options.ts';
import { eventLines } from '../render/event-lines.ts';
import type { Terminal } from '../terminal.ts';

interface VmStatus {
  readonly target: string;
  readonly facts: VmFacts;
  /** what the home cluster's istiod says of it */
  readonly registration: Health;
  /** what reached it, by its own proxy's counters; null while no sidecar of ours runs */
  readonly inbound: VmInbound | null;
}

/** Every VM as it is, and its place in the mesh; reads only. Exit 2 when one is not healthy there. */
export async function vmStatusCommand(options: CommonOptions, terminal: Terminal): Promise<ExitCode> {
  return withReadOnlyContext(options, terminal, eventLines(terminal, { json: false }), async (context) => {
    const all = await look(context);
    if (options.output === 'json') terminal.out(`${JSON.stringify(all, null, 2)}\n`);
    else if (options.output === 'yaml') terminal.out(stringify(all));
    else terminal.out(all.map((status) => table(context, status)).join('\n'));
    return all.every(({ registration }) => registration.is === 'healthy') ? exitCodes.done : exitCodes.held;
  });
}

async function look(context: EngineContext): Promise<readonly VmStatus[]> {
  const { clock, migration, signal } = context;
  const { machines } = migration.spec.vm;
  const registrations = await machinesHealth(context, machines);
  return Promise.all(
    machines.map(async (machine, i) => {
      const ssh = await context.ssh(machine);
      const facts = await readVmFacts(ssh, { clock, signal });
      const runs = facts.sidecar.packageVersion !== null && facts.sidecar.unit === 'active';
      const inbound = runs ? await inboundOf(ssh, portsOf(migration), signal) : null;
      return { target: ssh.target, facts, registration: registrations[i] ?? { is: 'absent' }, inbound };
    }),
  );
}

/** A sidecar that runs and does not answer is what the table is asked about, not a reason to show none. */
async function inboundOf(
  ssh: Ssh,
  ports: ReturnType<typeof portsOf>,
  signal: AbortSignal,
): Promise<VmInbound | null> {
  try {
    return await readVmInbound(ssh, { ports: ports.map(({ port }) => port), signal });
  } catch (error) {
    if (isMeshliftError(error, 'vm-command')) return null;
    throw error;
  }
}

function table({ clock, home, migration }: EngineContext, status: VmStatus): string {
  const { facts, inbound, registration, target } = status;
  const { sidecar } = facts;
  const rows: readonly (readonly [string, string])[] = [
    ['vm', `${target}, ${facts.distribution} ${facts.distributionVersion}, ${facts.architecture}`],
    [
      'service',
      portsOf(migration)
        .map(({ port }) => listens(facts, port))
        .join('; '),
    ],
    [
      'sidecar',
      sidecar.packageVersion === null
        ? 'not installed'
        : `${sidecar.packageVersion}, ${sidecar.unit}, ${sidecar.enabled ? 'starts at boot' : 'does not start at boot'}`,
    ],
    ['identity', identity(facts, clock.now())],
    ['mesh', `${health(registration)} (says ${home.name})`],
    ['requests', inbound ? served(inbound) : 'not known: no sidecar answers'],
    [
      'machine',
      `clock ${Math.round(Math.abs(facts.clockSkewMs))} ms off ours, ${Math.round(facts.freeBytes / 1024 ** 2)} MiB free`,
    ],
    ['undo', facts.joinedByMeshlift ? 'meshlift vm leave puts back what was there' : 'nothing to undo'],
  ];
  return rows.map(([name, value]) => `${name.padEnd(10)}${value}\n`).join('');
}

function listens(facts: VmFacts, port: number): string {
  const { listening, loopbackOnly, publishedByDocker } = serviceReach(facts, port);
  if (!listening) return `nothing listens on ${port}`;
  const how = loopbackOnly ? ', on the loopback only' : publishedByDocker ? ', published by Docker' : '';
  return `listens on ${port}${how}`;
}

function identity({ sidecar }: VmFacts, now: number): string {
  const { certificateExpiresAt: end, certificateIdentity } = sidecar;
  if (end === null) return 'no certificate';
  const left = end - now;
  const until = left > 0 ? `valid for ${formatDuration(left)} more` : `expired ${formatDuration(-left)} ago`;
  return `${certificateIdentity ?? 'unnamed'}, ${until}`;
}

function served({ activeRequests, failed, requests }: VmInbound): string {
  return `${requests} since its sidecar started, ${failed} failed, ${activeRequests} running now`;
}

function health(side: Health): string {
  return 'why' in side ? `${side.is}: ${side.why}` : side.is;
}
