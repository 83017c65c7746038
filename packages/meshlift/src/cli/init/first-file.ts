import { keyDescriptions } from '../../spec/key-descriptions.ts';
import { migrationJsonSchema, migrationKeys } from '../../spec/migration-schema.ts';
import type { InitAnswers } from './answers.ts';

type Key = keyof typeof keyDescriptions;

/**
 * A first migration.yaml: what was answered as values, everything else as comments with its default, each key with what
 * it is for. `callers` are who was seen calling, by context.
 */
export function firstFile(answers: InitAnswers, callers: ReadonlyMap<string, readonly string[]>): string {
  const { contexts, home, manifests, service, sshUser, target, vmHost } = answers;
  const probe = { grpc: 'grpc', http: 'httpGet', tcp: 'tcpSocket' }[service.protocol] ?? 'tcpSocket';
  const clusters = contexts.flatMap((context) => {
    const seen = callers.get(context) ?? [];
    return [
      ...(seen.length > 0 ? [`    # callers seen: ${seen.slice(0, 8).join(', ')}`] : []),
      `    - name: ${memberName(context)}`,
      `      context: ${quoted(context)}`,
      ...(context === home ? [`      home: true # ${keyDescriptions['spec.clusters[].home']}`] : []),
      ...(context === target ? [`      target: true # ${keyDescriptions['spec.clusters[].target']}`] : []),
    ];
  });
  return `${[
    '# What meshlift moves, from where to where, and how. Next: meshlift check, then meshlift plan.',
    'apiVersion: meshlift.dev/v1alpha1',
    'kind: Migration',
    'metadata:',
    `  name: ${service.name.slice(0, 50)}`,
    `  namespace: ${service.namespace}${about('metadata.namespace')}`,
    'spec:',
    ...section('spec.service'),
    '  service:',
    `    name: ${service.name}${about('spec.service.name')}`,
    `    port: ${service.port}`,
    `    protocol: ${service.protocol}${about('spec.service.protocol')}`,
    ...section('spec.clusters'),
    '  clusters:',
    ...clusters,
    `  # topology: endpoint-discovery${about('spec.topology')}`,
    ...section('spec.vm'),
    '  vm:',
    `    host: ${vmHost}${about('spec.vm.host')}`,
    '    ssh:',
    `      user: ${quoted(sshUser)}${about('spec.vm.ssh.user')}`,
    `      # identityFile: ~/.ssh/id_ed25519${about('spec.vm.ssh.identityFile')}`,
    `    serviceAccount: ${service.name.slice(0, 63)}${about('spec.vm.serviceAccount')}`,
    `    probe: # ${keyDescriptions['spec.vm.probe']}`,
    `      ${probe}:`,
    `        port: ${service.port}`,
    ...section('spec.workload'),
    '  workload:',
    '    manifests:',
    ...manifests.map((it) => `      - ${quoted(it)}`),
    `    # suffix: k8s${about('spec.workload.suffix')}`,
    ...defaults('spec.rollout'),
    ...defaults('spec.net'),
    ...defaults('spec.deadlines'),
    ...defaults('spec.drain'),
    ...defaults('spec.retire'),
  ].join('\n')}\n`;
}

/** A member's name has the form of a DNS label, which a context's name need not have. */
function memberName(context: string): string {
  const last = context.split(/[/@:]/).at(-1) ?? context;
  const label = context.length <= 40 ? context : last;
  return label
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63);
}

function section(key: Key): readonly string[] {
  return ['', `  # ${keyDescriptions[key]}`];
}

function about(key: Key): string {
  return ` # ${keyDescriptions[key]}`;
}

/** A part of the spec that works as it is, as comments: to change a value, take the `# ` away from it and its parents. */
function defaults(prefix: Key): readonly string[] {
  const keys = migrationKeys(migrationJsonSchema()).filter(({ path }) => path.startsWith(`${prefix}.`));
  // A part that is left out as a whole has no defaults to show: it needs values of its user's own.
  const needing = keys.filter(({ node }) => (node.required ?? []).length > 0).map(({ path }) => path);
  const shown = keys.flatMap(({ node, path }) => {
    if (needing.some((it) => path === it || path.startsWith(`${it}.`))) return [];
    const depth = path.split('.').length;
    const name = path.split('.').at(-1) ?? '';
    const indent = '  '.repeat(depth - 1);
    const text = node.description ? ` # ${node.description}` : '';
    if (node.properties) return [`# ${indent}${name}:${text}`];
    if (node.default === undefined) return [];
    const value = Array.isArray(node.default) ? `[${node.default.join(', ')}]` : String(node.default);
    return [`# ${indent}${name}: ${value}${text}`];
  });
  const name = prefix.split('.').at(-1);
  return ['', `  # ${keyDescriptions[prefix]}`, `#   ${name}:`, ...shown];
}

function quoted(text: string): string {
  return /^[\w./~-]+$/.test(text) && !/^[\d.]+$/.test(text) ? text : JSON.stringify(text);
}
