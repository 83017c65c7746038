import { describe, expect, it } from 'vitest';
import { type Container, containerStatus } from './container.ts';

const started = { pid: 7, pidStartTime: '1', shimPid: 6, shimStartTime: '1', startedAt: '2000' };
const container: Container = {
  record: {
    id: 'c1',
    podId: 'p1',
    config: {
      metadata: { name: 'web', attempt: 2 },
      image: { image: 'sha256:1' },
      command: [],
      args: [],
      workingDir: '',
      envs: [],
      mounts: [],
      devices: [],
      labels: {},
      annotations: {},
      logPath: 'web/2.log',
      stdin: false,
      stdinOnce: false,
      tty: false,
      linux: null,
      stopSignal: '',
    },
    imageId: 'sha256:1',
    imageName: 'redis:7',
    user: { uid: 999, gid: 999, groups: [999] },
    logPath: '/logs/web/2.log',
    createdAt: '1000',
  },
  started: null,
  exited: null,
};

describe("a container's status", () => {
  it('is created, running, exited as its records come', () => {
    expect(containerStatus(container).state).toBe('CONTAINER_CREATED');
    expect(containerStatus({ ...container, started })).toMatchObject({
      state: 'CONTAINER_RUNNING',
      startedAt: '2000',
    });
    expect(
      containerStatus({ ...container, started, exited: { exitCode: 0, finishedAt: '3000' } }),
    ).toMatchObject({
      state: 'CONTAINER_EXITED',
      reason: 'Completed',
      finishedAt: '3000',
    });
  });

  it('gives an error as the reason of another exit code, unless there is a better one', () => {
    const exited = { exitCode: 3, finishedAt: '3000' };
    expect(containerStatus({ ...container, started, exited })).toMatchObject({
      exitCode: 3,
      reason: 'Error',
    });
    const failed = { ...exited, reason: 'StartError', message: 'no such file' };
    expect(containerStatus({ ...container, exited: failed })).toMatchObject({
      reason: 'StartError',
      message: 'no such file',
    });
  });

  it('names the image as the pod spec does', () => {
    expect(containerStatus(container).image.image).toBe('redis:7');
  });
});
