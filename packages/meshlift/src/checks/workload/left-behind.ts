import type { KubeObject } from '../../effects/kube/port.ts';
import { isWorkload } from '../../mesh/copy.ts';
import type { Finding } from '../check.ts';
import { untold } from '../in-every-member.ts';
import type { Scene } from '../scene.ts';
import { type Container, containersOf, templateSpec } from './pod-spec.ts';

/** Variables that systemd, a login or a shell set: they say nothing of the service. */
const ofTheSystem =
  /^(PATH|HOME|USER|LOGNAME|SHELL|PWD|OLDPWD|SHLVL|_|TERM|LANG|LANGUAGE|LC_\w+|HOSTNAME|MAIL|TZ|INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_EXEC_PID|MANAGERPID|MAINPID|NOTIFY_SOCKET|WATCHDOG_(PID|USEC)|LISTEN_\w+|MEMORY_PRESSURE_\w+|CREDENTIALS_DIRECTORY|(RUNTIME|STATE|CACHE|LOGS|CONFIGURATION)_DIRECTORY|SUDO_\w+|XDG_\w+|DBUS_\w+)$/;

/** Names alone: what a variable holds stays on the VM. */
export async function missingEnvironment(scene: Scene): Promise<readonly Finding[]> {
  const { environment } = await scene.serviceProcess();
  const given = await environmentOfCopy(scene);
  const missing = environment.filter((name) => !ofTheSystem.test(name) && !given.names.has(name));
  if (missing.length === 0) return [];
  // A source that can't be read may hold them all.
  if (given.untold.length > 0) return given.untold;
  return [
    {
      why: `the service has ${missing.join(', ')} in its environment on the VM, and no container of the manifests has`,
      next: 'add those that it needs to the container’s env; a variable of a machine’s own can be left out',
    },
  ];
}

async function environmentOfCopy(scene: Scene): Promise<{ names: Set<string>; untold: Finding[] }> {
  const names = new Set<string>();
  const found: Finding[] = [];
  const containers = scene.manifests.filter(isWorkload).flatMap((it) => containersOf(templateSpec(it)));
  for (const { env = [] } of containers) for (const { name } of env) names.add(name);
  await Promise.all(
    containers
      .flatMap(({ envFrom = [] }) => envFrom)
      .flatMap(({ configMapRef, secretRef }) => [
        ...(configMapRef ? [{ kind: 'ConfigMap', name: configMapRef.name }] : []),
        ...(secretRef ? [{ kind: 'Secret', name: secretRef.name }] : []),
      ])
      .map(async (source) => {
        try {
          for (const key of await keysOf(scene, source)) names.add(key);
        } catch (error) {
          found.push(untold(error));
        }
      }),
  );
  return { names, untold: found };
}

async function keysOf(
  { manifests, migration, signal, target }: Scene,
  { kind, name }: { readonly kind: string; readonly name: string },
): Promise<readonly string[]> {
  const { namespace } = migration.metadata;
  const own = manifests.find((it) => it.kind === kind && it.metadata.name === name);
  const object = own ?? (await target.kube.get({ apiVersion: 'v1', kind, namespace, name }, signal));
  const { data, stringData } = (object ?? {}) as KubeObject & { data?: object; stringData?: object };
  return [...Object.keys(data ?? {}), ...Object.keys(stringData ?? {})];
}

/** Folders that an image has of its own, and the kernel's. */
const ofTheImage = /^\/(usr|lib|lib64|bin|sbin|opt\/java|proc|sys|dev)\//;
const logs = /^\/var\/log\/|\.log$/;

/**
 * Files of the VM that the service uses and that no volume of the copy would bring. What was read at the start and
 * closed can't be seen, unless the command line names it.
 */
export async function missingFiles(scene: Scene): Promise<readonly Finding[]> {
  const { argumentFiles, files, folder, program } = await scene.serviceProcess();
  const mounts = scene.manifests
    .filter(isWorkload)
    .flatMap((it) => containersOf(templateSpec(it)))
    .flatMap(({ volumeMounts = [] }: Container) => volumeMounts.map(({ mountPath }) => mountPath));
  const home = folder === '/' ? program : folder;
  const brought = (path: string) =>
    mounts.some((mount) => path === mount || path.startsWith(`${mount.replace(/\/$/, '')}/`));
  const ofProgram = (path: string) =>
    ofTheImage.test(path) ||
    path.startsWith(`${home}/`) ||
    path.startsWith(`${program.replace(/\/[^/]*$/, '')}/`);
  const written = files
    .filter((it) => it.written && !logs.test(it.path) && !brought(it.path))
    .map(({ path }) => path);
  const read = [...files.filter((it) => !it.written).map(({ path }) => path), ...argumentFiles].filter(
    (path) => !ofProgram(path) && !logs.test(path) && !brought(path),
  );
  return [
    ...(written.length > 0
      ? [
          {
            why: `the service writes to ${shown(written)} on the VM, and the copy has no volume there: it would begin with nothing, and lose what it writes with its pod`,
            next: 'decide where that data lives from now on (a database, a PersistentVolumeClaim), and move it before the first step',
          },
        ]
      : []),
    ...(read.length > 0
      ? [
          {
            why: `the service reads ${shown([...new Set(read)])} on the VM, and no volume of the manifests brings it`,
            next: 'bring it in a ConfigMap, a Secret or the image, unless the image has it already',
          },
        ]
      : []),
  ];
}

const mostShown = 5;

function shown(paths: readonly string[]): string {
  const more = paths.length - mostShown;
  return `${paths.slice(0, mostShown).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** What runs beside the service on the VM does not run beside it in a pod. */
export async function localCalls(scene: Scene): Promise<readonly Finding[]> {
  const [{ calls, listens }, { addresses, sidecar }] = await Promise.all([
    scene.serviceProcess(),
    scene.vmFacts(),
  ]);
  const here = calls.filter(({ remote }) => remote.loopback || addresses.includes(remote.address));
  // The sidecar's own ports: what goes through it is addressed to somebody else.
  const ofSidecar = (port: number) => sidecar.unit === 'active' && port >= 15_000 && port <= 15_100;
  const ports = [...new Set(here.map(({ remote }) => remote.port))].filter(
    (port) => !ofSidecar(port) && !listens.some((it) => it.port === port),
  );
  if (ports.length === 0) return [];
  return [
    {
      why: `the service talks to port ${ports.join(', ')} of the VM itself; in a pod nobody listens there`,
      next: `see what that is, and give the copy one that it can reach: sudo ss -ltnp 'sport = :${ports[0]}'`,
    },
  ];
}

export async function otherPorts(scene: Scene): Promise<readonly Finding[]> {
  const { listens } = await scene.serviceProcess();
  const { port } = scene.migration.spec.service;
  const others = [...new Set(listens.filter((it) => !it.loopback && it.port !== port).map((it) => it.port))];
  if (others.length === 0) return [];
  return [
    {
      why: `the service also listens on port ${others.join(', ')} of the VM; callers of those are not moved`,
      next: 'see who uses them (metrics, administration, a second protocol), and move them by themselves',
    },
  ];
}
