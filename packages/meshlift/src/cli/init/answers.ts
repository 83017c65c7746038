import { MeshliftError } from '../../errors/error.ts';
import type { Asker } from './ask.ts';
import type { FoundCluster, FoundService } from './discover.ts';

/** What `init` was told on the command line; everything else is discovered, or asked for. */
export interface InitFlags {
  readonly service?: string;
  readonly port?: string;
  readonly protocol?: string;
  readonly contexts?: string;
  readonly home?: string;
  readonly target?: string;
  readonly vmHost?: string;
  readonly sshUser?: string;
  readonly manifest?: readonly string[];
}

/** Everything that a first migration file needs. */
export interface InitAnswers {
  readonly service: {
    readonly namespace: string;
    readonly name: string;
    readonly port: number;
    readonly protocol: string;
  };
  readonly contexts: readonly string[];
  readonly home: string;
  readonly target: string;
  readonly vmHost: string;
  readonly sshUser: string;
  readonly manifests: readonly string[];
}

/**
 * Settles every answer: by flag, by asking with what was discovered as a proposal, or, where nobody can be asked, by what
 * is certain. Rejects with `bad-usage` and every flag that is missing at once.
 */
export async function settleAnswers(
  flags: InitFlags,
  found: readonly FoundCluster[],
  asker: Asker,
  me: string,
): Promise<InitAnswers> {
  const missing: string[] = [];
  const settle = async (
    flag: string,
    given: string | undefined,
    question: string,
    proposed: string | null,
  ) => {
    const answer = given ?? (await asker.ask(question, proposed));
    if (answer === null) missing.push(flag);
    return answer ?? '';
  };
  const inMesh = found.filter((it) => it.reachable && it.istio);
  const services = servicesOf(inMesh);
  const named = await settle(
    '--service NAMESPACE/NAME',
    flags.service,
    'service that runs on the VM, as NAMESPACE/NAME',
    services.length === 1 ? (services[0] ?? null) : null,
  );
  const [namespace, name] = named.includes('/') ? named.split('/', 2) : ['default', named];
  const known = serviceNamed(inMesh, namespace ?? '', name ?? '');
  const only = known?.ports.length === 1 ? known.ports[0] : undefined;
  const port = await settle('--port', flags.port, 'port that clients call', only ? String(only.port) : null);
  const spoken = known?.ports.find((it) => String(it.port) === port)?.protocol ?? null;
  const protocol = await settle('--protocol', flags.protocol, 'protocol (grpc, http, tcp)', spoken);
  const members = inMesh.filter((it) => hasService(it, namespace ?? '', name ?? ''));
  const contexts = await settle(
    '--contexts',
    flags.contexts,
    'contexts of every cluster with callers, by comma',
    (members.length > 0 ? members : inMesh).map((it) => it.context).join(',') || null,
  );
  const list = contexts.split(',').map((it) => it.trim());
  const home = await settle('--home', flags.home, 'the VM calls home to', list[0] ?? null);
  const target = await settle('--target', flags.target, 'the copy runs in', list.at(-1) ?? null);
  const vmHost = await settle('--vm-host', flags.vmHost, 'address of the VM, as pods reach it', null);
  const sshUser = await settle('--ssh-user', flags.sshUser, 'login user on the VM', me);
  const manifests = flags.manifest?.length
    ? flags.manifest
    : (await settle('--manifest', undefined, 'manifests of the copy, by comma', null)).split(',');
  if (missing.length > 0) {
    throw new MeshliftError('bad-usage', {
      where: 'meshlift init',
      why: `not known, and there is no terminal to ask: ${missing.join(', ')}`,
      next: `name them${services.length > 1 ? `; services there are: ${services.slice(0, 12).join(', ')}` : ''}`,
    });
  }
  return {
    service: { namespace: namespace ?? 'default', name: name ?? '', port: Number(port), protocol },
    contexts: list,
    home,
    target,
    vmHost,
    sshUser,
    manifests: manifests.map((it) => it.trim()),
  };
}

function servicesOf(found: readonly FoundCluster[]): readonly string[] {
  const all = found.flatMap((it) => (it.reachable ? it.services : []));
  return [...new Set(all.map((it) => `${it.namespace}/${it.name}`))].toSorted();
}

function serviceNamed(
  found: readonly FoundCluster[],
  namespace: string,
  name: string,
): FoundService | undefined {
  return found
    .flatMap((it) => (it.reachable ? it.services : []))
    .find((it) => it.namespace === namespace && it.name === name);
}

function hasService(cluster: FoundCluster, namespace: string, name: string): boolean {
  return serviceNamed([cluster], namespace, name) !== undefined;
}
