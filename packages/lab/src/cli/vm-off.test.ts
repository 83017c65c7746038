import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { runLab } from '../index.ts';
import type { LiveStatus } from '../inside/run-lab.ts';
import { planLab } from '../plan/lab-plan.ts';
import type { LabSettings } from '../plan/lab-settings.ts';
import { StateFolder } from '../plan/state-folder.ts';
import { listenUnix } from '../sandbox/unix-server.ts';

test('a VM that is off is said to be off, and ssh to it says how to switch it on', async () => {
  const env = { HOME: mkdtempSync(join(tmpdir(), 'vm-off-')), PATH: process.env.PATH };
  const state = StateFolder.of('lab', env);
  mkdirSync(state.path, { recursive: true });
  const settings: LabSettings = {
    plan: planLab({ name: 'lab', clusters: 1, vm: true }),
    stateDir: state.path,
    partsDir: '/parts',
    rootfs: '/root',
    sidecarPackage: { path: '/sidecar.deb', sha256: '0' },
    versions: {},
    catalogues: [],
    ports: {},
    userNamespace: false,
  };
  writeFileSync(state.settings, JSON.stringify(settings));
  const live: LiveStatus = { state: 'running', components: [], vmOn: false };
  const servers = [
    await listenUnix(state.wardenSocket, { 'GET /warden': () => ({}) }),
    await listenUnix(state.sandboxSocket, {
      'GET /status': () => live,
      'GET /faults': () => ({ links: [] }),
    }),
  ];
  try {
    const run = async (...argv: string[]) => {
      const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
      const signal = new AbortController().signal;
      const code = await runLab(argv, { stdout, stderr, stdin, env, cwd: env.HOME, signal, terminal: false });
      return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
    };
    expect((await run('status')).stdout).toContain('vm          off, until `lab vm start`');
    expect(JSON.parse((await run('status', '-o', 'json')).stdout).vm.on).toBe(false);
    expect(await run('ssh', '--', 'true')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'the VM of lab lab is off: `lab vm start` switches it on\n',
    });
  } finally {
    for (const server of servers) server.close();
  }
});
