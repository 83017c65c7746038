import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { root, Scenario } from '../scenario.ts';

describe('the command line on a real mesh', () => {
  let scenario: Scenario;
  let file: string;
  let vmBefore: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('shows');
    await scenario.shop();
    file = await scenario.migration();
    vmBefore = await scenario.worldOfVm();
  });
  afterAll(() => scenario.end());

  /** Runs a command that must not change anything. */
  async function looking(...args: string[]) {
    const before = await scenario.world();
    const result = await scenario.meshlift(file, ...args);
    expect(await scenario.world(), args.join(' ')).toBe(before);
    return result;
  }

  it('init finds both clusters and the service, and writes a file that says so', async () => {
    const written = join(scenario.folder, 'first.yaml');
    const flags = [
      '--service',
      'default/productcatalogservice',
      '--vm-host',
      '10.9.9.9',
      '--manifest',
      'x.yaml',
    ];
    const { exitCode, stderr } = await scenario.meshlift(written, 'init', ...flags);
    expect(exitCode, stderr).toBe(0);
    const { spec } = parse(await readFile(written, 'utf8'));
    expect(spec.service).toEqual({ name: 'productcatalogservice', port: 3550, protocol: 'grpc' });
    expect(spec.clusters.map((it: { context: string }) => it.context)).toEqual(['cluster1', 'cluster2']);
    const again = await scenario.meshlift(written, 'init', ...flags);
    expect(again.exitCode).toBe(64);
    expect(again.stderr).toContain('init overwrites nothing');
  });

  it('mesh install has nothing to add to a mesh that is whole', async () => {
    const { exitCode, stdout } = await looking('mesh', 'install', '--dry-run');
    expect(stdout).toBe('the members are one mesh already: nothing to install\n');
    expect(exitCode).toBe(0);
  });

  it('plan shows every object as a diff, and exports one cluster’s as YAML, and writes nothing', async () => {
    const shown = await looking('plan');
    expect(shown.exitCode).toBe(2);
    expect(shown.stdout).toMatch(
      /\+ VirtualService default\/meshlift-productcatalogservice {2}in cluster1, cluster2/,
    );
    const exported = await looking('plan', '-o', 'yaml', '--cluster', 'cluster2');
    const kinds = parseAllDocuments(exported.stdout).map((it) => it.toJS().kind);
    expect(kinds).toEqual(expect.arrayContaining(['ServiceEntry', 'DestinationRule', 'VirtualService']));
    expect(exported.stdout).not.toContain('# cluster1');
  });

  it('vm join --dry-run tells what would happen, on the VM too, and does none of it', async () => {
    const { exitCode, stdout } = await looking('vm', 'join', '--dry-run');
    expect(exitCode).toBe(2);
    expect(stdout).toContain('next: joining the VM to the mesh');
    expect(stdout).toContain('start the Istio sidecar');
    expect((await looking('vm', 'join', '--output-only')).stdout).toContain('kind: WorkloadGroup');
  });

  it('vm status says what the mesh says of the VM, before and after it joined', async () => {
    expect((await looking('vm', 'status')).exitCode).toBe(2);
    await scenario.join(file);
    const { exitCode, stdout } = await looking('vm', 'status');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^mesh +healthy \(says cluster1\)$/m);
    expect(stdout).toMatch(
      /^identity +spiffe:\/\/cluster\.local\/ns\/default\/sa\/productcatalog, valid for/m,
    );
  });

  it('shift --dry-run is the change of the weights in both clusters, once', async () => {
    await scenario.done(file, 'deploy');
    const { exitCode, stdout } = await looking('shift', '20', '--dry-run');
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/~ VirtualService .* in cluster1, cluster2/);
    expect(stdout).toMatch(/^ +- .*weight: 100$/m);
    expect(stdout).toMatch(/^ +\+ .*weight: 20$/m);
    expect(await scenario.splitIn('cluster1')).toBe('100/0');
  });

  it('Ctrl-C detaches from a run, says so, and leaves the split as it is', async () => {
    const command = [join(root, 'packages/meshlift/bin/meshlift.js'), '-f', file, 'run'];
    const engine = spawn(process.execPath, command, {
      env: { ...process.env, KUBECONFIG: scenario.stage.lab.kubeconfig },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    engine.stderr.on('data', (text: Buffer) => {
      said += text.toString();
    });
    await scenario.until('20 % to be agreed', async () =>
      (await scenario.status().catch(() => null))?.agreed?.split?.k8s === 20 ? true : null,
    );
    const ended = once(engine, 'exit');
    engine.kill('SIGINT');
    await ended;
    expect(said).toContain('detached; the migration stays as it is, and nothing is rolled back');
    expect(await scenario.splitIn('cluster1')).toBe('80/20');
    expect(await scenario.splitIn('cluster2')).toBe('80/20');
  });

  it('status has, per cluster, wanted, written, acknowledged and seen, and keeps to its schema', async () => {
    const { stdout } = await looking('status', '-o', 'json');
    const published = await readFile(join(root, 'docs/reference/status.schema.json'), 'utf8');
    const status = JSON.parse(stdout);
    expect(z.fromJSONSchema(JSON.parse(published)).safeParse(status).error).toBeUndefined();
    expect(status).toMatchObject({ phase: 'Shifting', agreed: { split: { vm: 80, k8s: 20 } } });
    expect(status.clusters).toHaveLength(2);
    for (const { acknowledged, written } of status.clusters) {
      expect(written).toMatchObject({ found: 'ours', split: { vm: 80, k8s: 20 } });
      expect(acknowledged).toMatchObject({ waitingFor: null });
    }
    expect((await looking('status')).stdout).toMatch(
      /^cluster2 +vm 80 · k8s 20 +vm 80 · k8s 20 +\d+\/\d+ proxies/m,
    );
  });

  it('pause and resume are recorded with who asked for them, as is every command', async () => {
    await scenario.done(file, 'pause', '--reason', 'lunch');
    expect((await looking('status')).stdout).toMatch(/paused by .*: lunch/);
    await scenario.done(file, 'resume');
    expect((await looking('events')).stdout).toMatch(/paused: lunch/);
  });

  it('vm leave refuses while callers reach the service on the VM, and says how they lose it', async () => {
    const { exitCode, stderr } = await looking('vm', 'leave');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('meshlift vm leave --force');
  });

  it('vm leave --force puts the VM back', async () => {
    await scenario.done(file, 'vm', 'leave', '--force');
    expect(await scenario.worldOfVm()).toBe(vmBefore);
    expect((await scenario.meshlift(file, 'vm', 'status')).stdout).toMatch(/^sidecar +not installed$/m);
  });
});
