import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { parseAllDocuments, parseDocument } from 'yaml';
import type { KubeObject } from '../effects/kube/port.ts';
import { MeshliftError } from '../errors/error.ts';
import { type Machine, type Migration, type Problem, parseMigration } from '../spec/migration.ts';
import type { Terminal } from './terminal.ts';

export interface LoadedMigration {
  readonly migration: Migration;
  readonly manifests: readonly KubeObject[];
}

/**
 * Reads a migration file and the manifests that it names. Everything that is wrong is told at once, each with its
 * path, what was there and what to write instead (`bad-input`). Relative paths start at the file's own folder.
 */
export async function loadMigration(
  file: string,
  terminal: Pick<Terminal, 'cwd' | 'home'>,
): Promise<LoadedMigration> {
  const path = resolve(terminal.cwd, file);
  const text = await readInput(
    path,
    'the migration file',
    'meshlift init writes one; or name yours with --file',
  );
  const document = parseDocument(text, { prettyErrors: true });
  if (document.errors.length > 0) {
    throw badInput(
      file,
      document.errors.map((error) => ({
        path: '(the document)',
        received: 'no valid YAML',
        expected: error.message,
      })),
    );
  }
  const parsed = parseMigration(document.toJS());
  if (!parsed.ok) throw badInput(file, parsed.problems);

  const migration = withPaths(parsed.migration, (it) => fromFolder(it, dirname(path), terminal.home));
  const loaded = await Promise.all(migration.spec.workload.manifests.map((it, i) => loadManifest(it, i)));
  const problems = loaded.flatMap((it) => it.problems);
  if (problems.length > 0) throw badInput(file, problems);
  return { migration, manifests: loaded.flatMap((it) => it.objects) };
}

interface LoadedManifest {
  readonly objects: readonly KubeObject[];
  readonly problems: readonly Problem[];
}

async function loadManifest(path: string, index: number): Promise<LoadedManifest> {
  const at = `spec.workload.manifests[${index}]`;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const why =
      (error as NodeJS.ErrnoException).code === 'ENOENT'
        ? 'an existing file'
        : `a readable file (${(error as Error).message})`;
    return { objects: [], problems: [{ path: at, received: JSON.stringify(path), expected: why }] };
  }
  const documents = parseAllDocuments(text);
  const objects: KubeObject[] = [];
  const problems: Problem[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    const broken = document.errors[0];
    const object = broken ? null : (document.toJS() as KubeObject | null);
    if (broken) problems.push({ path: at, received: path, expected: `valid YAML: ${broken.message}` });
    else if (object && !(object.apiVersion && object.kind && object.metadata?.name)) {
      problems.push({
        path: at,
        received: path,
        expected: 'Kubernetes objects, each with apiVersion, kind and metadata.name',
      });
    } else if (object) objects.push(object);
  }
  return { objects, problems };
}

async function readInput(path: string, what: string, next: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new MeshliftError('bad-input', {
      where: path,
      why: absent ? `${what} is not there` : `${what} can't be read: ${(error as Error).message}`,
      next,
      cause: error,
    });
  }
}

function withPaths(migration: Migration, path: (path: string) => string): Migration {
  const { vm, workload, clusters } = migration.spec;
  const sidecar = vm.sidecar.package;
  return {
    ...migration,
    spec: {
      ...migration.spec,
      clusters: clusters.map((it) => ({ ...it, ...(it.kubeconfig && { kubeconfig: path(it.kubeconfig) }) })),
      vm: {
        ...vm,
        machines: vm.machines.map(({ host, ssh }) => ({ host, ssh: withKeyPaths(ssh, path) })),
        sidecar: {
          ...vm.sidecar,
          ...(sidecar && { package: sidecar.startsWith('https://') ? sidecar : path(sidecar) }),
        },
      },
      workload: { ...workload, manifests: workload.manifests.map(path) },
    },
  };
}

function withKeyPaths(ssh: Machine['ssh'], path: (path: string) => string): Machine['ssh'] {
  const { identityFile, knownHostsFile, configFile } = ssh;
  return {
    ...ssh,
    ...(identityFile && { identityFile: path(identityFile) }),
    ...(knownHostsFile && { knownHostsFile: path(knownHostsFile) }),
    ...(configFile && { configFile: path(configFile) }),
  };
}

function fromFolder(path: string, folder: string, home: string): string {
  if (path.startsWith('~/')) return join(home, path.slice(2));
  return isAbsolute(path) ? path : resolve(folder, path);
}

function badInput(file: string, problems: readonly Problem[]): MeshliftError {
  const lines = problems.map(
    ({ path, received, expected }) => `\n  ${path}: ${received} is there; needed: ${expected}`,
  );
  return new MeshliftError('bad-input', {
    where: file,
    why: `${problems.length === 1 ? '1 problem' : `${problems.length} problems`}${lines.join('')}`,
    next: 'correct the file; nothing was changed',
  });
}
