import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerRecord } from './containers/container.ts';
import { writeJsonFile } from './json-file.ts';
import type { PodRecord } from './pods/pod.ts';
import { StateFolder } from './state-folder.ts';

let folder: string;
let state: StateFolder;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runtime-state-'));
  state = new StateFolder(folder);
  await state.prepare();
});

afterEach(() => rm(folder, { recursive: true }));

const pod = { id: 'p1', address: '10.21.0.2', stopped: false } as PodRecord;
const container = { id: 'c1', podId: 'p1' } as ContainerRecord;
const started = { pid: 7, pidStartTime: '1', shimPid: 6, shimStartTime: '1', startedAt: '2000' };

describe("the runtime's state", () => {
  it('is read again as it was written', async () => {
    await state.writePod(pod);
    await state.writeContainer(container, { process: {} });
    expect(await state.readPods()).toEqual([pod]);
    expect(await state.readContainers()).toEqual([{ record: container, started: null, exited: null }]);
  });

  it('tells what the shim wrote down while the runtime was away', async () => {
    await state.writeContainer(container, {});
    await writeJsonFile(join(state.container('c1'), 'started.json'), started);
    await writeJsonFile(state.exit('c1'), { exitCode: 3, finishedAt: '3000' });
    expect(await state.readContainers()).toEqual([
      { record: container, started, exited: { exitCode: 3, finishedAt: '3000' } },
    ]);
  });

  it('forgets a container whose making was interrupted', async () => {
    await mkdir(join(state.container('half'), 'upper'), { recursive: true });
    await writeFile(join(state.container('half'), 'plan.json'), '{}');
    expect(await state.readContainers()).toEqual([]);
    expect(existsSync(state.container('half'))).toBe(false);
  });

  it("leaves nothing of a removed container, its end's record included", async () => {
    await state.writeContainer(container, {});
    await state.writeExit('c1', { exitCode: 0, finishedAt: '3000' });
    await state.removeContainer('c1');
    expect(existsSync(state.container('c1'))).toBe(false);
    expect(existsSync(state.exit('c1'))).toBe(false);
  });

  it('keeps plans, which have secrets in them, from everybody else', async () => {
    await state.writeContainer(container, { process: { env: ['PASSWORD=x'] } });
    const mode = (await stat(join(state.container('c1'), 'plan.json'))).mode & 0o777;
    expect(mode).toBe(0o600);
  });
});
