import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bystander, deployment, namespace, pod, service } from './lab-manifests.ts';
import { claimsOf } from './lab-tokens.ts';
import { LabUnderTest, until } from './lab-under-test.ts';

const CLUSTER = 'cluster1';
const NS = 'plain';
const IN = ['-n', NS];

// One cluster is enough, and pods without sidecars show the node itself. The scenarios wait more than they work, so
// they run side by side.
describe.concurrent('pods in the lab', () => {
  let lab: LabUnderTest;

  beforeAll(async () => {
    lab = await LabUnderTest.begin('pods', ['--clusters', '1', '--no-vm']);
    await lab.apply(CLUSTER, namespace(NS), bystander('client', { namespace: NS }));
    await lab.kubectl(CLUSTER, 'wait', '--for=condition=Ready', 'pod/client', '--timeout=60s', ...IN);
  });
  afterAll(() => lab.end());

  const kubectl = (...args: string[]) => lab.kubectl(CLUSTER, ...args, ...IN);
  const sh = (name: string, script: string) =>
    lab.kubectl(CLUSTER, 'exec', ...IN, name, '--', 'sh', '-c', script);
  const ready = (name: string) => kubectl('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s');

  /** Who answered forty calls of a Service from another pod; a pod that is just ending may leave one unanswered. */
  async function answers(name: string): Promise<{ all: boolean; versions: string[]; hosts: string[] }> {
    const text = await sh(
      'client',
      `for i in $(seq 40); do curl -s --max-time 5 http://${name}.${NS}/; done`,
    );
    const lines = text.split('\n').filter(Boolean);
    const seen: { version: string; host: string }[] = lines.map((line) => JSON.parse(line));
    const distinct = (list: string[]) => [...new Set(list)].sort();
    return {
      all: seen.length === 40,
      versions: distinct(seen.map((it) => it.version)),
      hosts: distinct(seen.map((it) => it.host)),
    };
  }

  it('a Deployment rolls out, scales, takes a new version and rolls back, and its Service follows', async () => {
    const readinessProbe = { httpGet: { path: '/', port: 8080 }, periodSeconds: 1, timeoutSeconds: 5 };
    const container = { env: [{ name: 'VERSION', value: 'one' }], readinessProbe };
    await lab.apply(CLUSTER, deployment('web', 2, container, NS), service('web', { in: NS }));
    const rolledOut = () => kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
    /** Until the Service leads to exactly so many pods of just this version. */
    const serves = (version: string, pods: number) =>
      until(`web is ${pods} pods of version ${version}`, async () => {
        const { all, versions, hosts } = await answers('web');
        return all && versions.join() === version && hosts.length === pods ? hosts : null;
      });

    await rolledOut();
    const first = await serves('one', 2);

    await kubectl('scale', 'deployment/web', '--replicas=4');
    await rolledOut();
    expect(await serves('one', 4)).toEqual(expect.arrayContaining(first));

    await kubectl('set', 'env', 'deployment/web', 'VERSION=two');
    await rolledOut();
    await serves('two', 4);

    await kubectl('rollout', 'undo', 'deployment/web');
    await rolledOut();
    await serves('one', 4);

    await kubectl('scale', 'deployment/web', '--replicas=1');
    await serves('one', 1);
  });

  it('a changed Secret reaches the files of a running pod', async () => {
    await kubectl('create', 'secret', 'generic', 'words', '--from-literal=word=before');
    const volumes = [{ name: 'words', secret: { secretName: 'words' } }];
    const mounts = [{ name: 'words', mountPath: '/words' }];
    await lab.apply(CLUSTER, pod('reader', { volumeMounts: mounts }, { namespace: NS, spec: { volumes } }));
    await ready('reader');
    expect(await sh('reader', 'cat /words/word')).toBe('before');

    const patch = { stringData: { word: 'after' } };
    await kubectl('patch', 'secret', 'words', '-p', JSON.stringify(patch));
    await until('the new word is in the pod', async () =>
      (await sh('reader', 'cat /words/word')) === 'after' ? true : null,
    );
    const { status } = await lab.get(CLUSTER, 'pod', 'reader', ...IN);
    expect(status.containerStatuses[0].restartCount).toBe(0);
  });

  it('a pod is told about itself, in its environment and in files that follow what changes', async () => {
    const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
    const env = [
      ...[field('POD', 'metadata.name'), field('IP', 'status.podIP'), field('NODE', 'spec.nodeName')],
      { name: 'LIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } },
    ];
    const items = [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }];
    const volumes = [{ name: 'self', downwardAPI: { items } }];
    const container = {
      env,
      volumeMounts: [{ name: 'self', mountPath: '/self' }],
      resources: { limits: { memory: '64Mi' } },
    };
    await lab.apply(CLUSTER, pod('told', container, { namespace: NS, spec: { volumes } }));
    await ready('told');
    const { status } = await lab.get(CLUSTER, 'pod', 'told', ...IN);
    expect(await sh('told', 'echo $POD $IP $NODE $LIMIT; cat /self/labels')).toBe(
      `told ${status.podIP} ${CLUSTER}-node ${64 * 1024 * 1024}\napp="told"`,
    );
    await kubectl('label', 'pod', 'told', 'colour=green');
    await until('the new label is in the pod', async () =>
      (await sh('told', 'cat /self/labels')) === 'app="told"\ncolour="green"' ? true : null,
    );
  });

  it("a pod's tokens are for whom and as long as it asks, and the API server knows it by them", async () => {
    const token = { path: 'token', audience: 'somebody', expirationSeconds: 600 };
    const volumes = [{ name: 'tokens', projected: { sources: [{ serviceAccountToken: token }] } }];
    const container = { volumeMounts: [{ name: 'tokens', mountPath: '/tokens' }] };
    await lab.apply(CLUSTER, pod('bearer', container, { namespace: NS, spec: { volumes } }));
    await ready('bearer');
    const claims = claimsOf(await sh('bearer', 'cat /tokens/token'));
    expect(claims).toMatchObject({ aud: ['somebody'], sub: `system:serviceaccount:${NS}:default` });
    expect(claims.exp - claims.iat).toBe(600);
    const whoAmI = `cd /var/run/secrets/kubernetes.io/serviceaccount && curl -s --cacert ca.crt \
      -H "Authorization: Bearer $(cat token)" -H 'Content-Type: application/json' \
      -d '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}' \
      https://kubernetes.default.svc/apis/authentication.k8s.io/v1/selfsubjectreviews`;
    expect(JSON.parse(await sh('bearer', whoAmI)).status.userInfo).toMatchObject({
      username: `system:serviceaccount:${NS}:default`,
      extra: { 'authentication.kubernetes.io/pod-name': ['bearer'] },
    });
  });

  it('a pod that ends runs its preStop hook, is asked, and is killed when its grace period is over', async () => {
    const script = 'trap "echo asked" TERM; echo up; while :; do sleep 0.1; done';
    const preStop = { exec: { command: ['sh', '-c', 'echo leaving > /proc/1/fd/1'] } };
    const container = { image: 'debian', command: ['bash', '-c', script], lifecycle: { preStop } };
    const spec = { terminationGracePeriodSeconds: 4 };
    await lab.apply(CLUSTER, pod('stubborn', container, { namespace: NS, spec }));
    await ready('stubborn');
    const followed = lab.followKubectl(CLUSTER, 'logs', '-f', 'stubborn', ...IN);
    await until('it is up', async () => (followed.text() === 'up\n' ? true : null));
    const started = performance.now();
    await kubectl('delete', 'pod', 'stubborn', '--timeout=60s');
    expect(performance.now() - started).toBeGreaterThan(4_000);
    await until('all that it said is there', async () =>
      followed.text().startsWith('up\nleaving\nasked\n') ? true : null,
    );
  });

  it('init containers come one after the other, a sidecar stays beside the rest and does not keep a pod from its end', async () => {
    const note = (who: string, more = '') => ['sh', '-c', `echo ${who} >> /notes/all; ${more}`];
    const volumeMounts = [{ name: 'notes', mountPath: '/notes' }];
    const step = (name: string, more: object) => ({ name, image: 'debian', volumeMounts, ...more });
    const goodbye = 'trap "echo sidecar ends; exit 0" TERM; sleep infinity & wait';
    const spec = {
      restartPolicy: 'Never',
      volumes: [{ name: 'notes', emptyDir: {} }],
      initContainers: [
        step('first', { command: note('first', 'sleep 1') }),
        step('sidecar', { command: note('sidecar', goodbye), restartPolicy: 'Always' }),
        step('second', { command: note('second') }),
      ],
    };
    const container = { image: 'debian', command: note('job', 'sleep 1; cat /notes/all'), volumeMounts };
    await lab.apply(CLUSTER, pod('job', container, { namespace: NS, spec }));
    await kubectl('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/job', '--timeout=60s');
    expect(await kubectl('logs', 'job', '-c', 'job')).toBe('first\nsidecar\nsecond\njob\n');
    expect(await kubectl('logs', 'job', '-c', 'sidecar')).toBe('sidecar ends\n');
  });

  it('a container that keeps failing is started again ever later, and its pod says so', async () => {
    const container = { image: 'debian', command: ['sh', '-c', 'exit 3'] };
    await lab.apply(CLUSTER, pod('failing', container, { namespace: NS }));
    const failing = await until('it has to wait', async () => {
      const { status } = await lab.get(CLUSTER, 'pod', 'failing', ...IN);
      const [it] = status.containerStatuses ?? [];
      return it?.state.waiting?.reason === 'CrashLoopBackOff' ? it : null;
    });
    expect(failing.restartCount).toBeGreaterThan(0);
    expect(failing.lastState.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
  });

  const handlers: Readonly<Record<string, (probe: 'startup' | 'readiness' | 'liveness') => object>> = {
    httpGet: (probe) => ({ httpGet: { path: `/${probe}`, port: 8080 } }),
    tcpSocket: (probe) => ({
      tcpSocket: { port: { startup: 7001, readiness: 7002, liveness: 7003 }[probe] },
    }),
    grpc: (probe) => ({ grpc: { port: 9000, service: probe } }),
    exec: (probe) => {
      const test = { startup: '-e /tmp/started', readiness: '-e /tmp/ready', liveness: '! -e /tmp/dead' }[
        probe
      ];
      return { exec: { command: ['sh', '-c', `test ${test}`] } };
    },
  };

  it.each(Object.keys(handlers))('%s probes hold a pod back, take it out and restart it', async (kind) => {
    const name = `probed-${kind.toLowerCase()}`;
    const probe = (which: 'startup' | 'readiness' | 'liveness', failureThreshold: number) => ({
      ...handlers[kind]?.(which),
      periodSeconds: 1,
      timeoutSeconds: 10,
      failureThreshold,
    });
    const probes = {
      startupProbe: probe('startup', 1000),
      readinessProbe: probe('readiness', 1),
      livenessProbe: probe('liveness', 1),
    };
    await lab.apply(CLUSTER, pod(name, probes, { namespace: NS }));
    await lab.untilRunning(CLUSTER, name, ...IN);
    const container = async () =>
      (await lab.get(CLUSTER, 'pod', name, ...IN)).status.containerStatuses[0] as {
        ready: boolean;
        started: boolean;
        restartCount: number;
        lastState: { terminated?: object };
      };
    const becomes = (wanted: Partial<Awaited<ReturnType<typeof container>>>) =>
      until(`${name} is ${JSON.stringify(wanted)}`, async () => {
        const now = await container();
        return Object.entries(wanted).every(([key, value]) => now[key as keyof typeof now] === value)
          ? now
          : null;
      });
    const told = (what: string) =>
      until(`an event of ${name} says ${what}`, async () => {
        const { items } = await lab.get(
          CLUSTER,
          'events',
          `--field-selector=involvedObject.name=${name}`,
          ...IN,
        );
        return items.some(({ message }: { message: string }) => message.includes(what)) ? true : null;
      });

    // Ready in its own eyes, and yet nobody asks before it has started.
    await sh(name, 'touch /tmp/ready');
    await told('Startup probe failed');
    expect(await container()).toMatchObject({ ready: false, started: false, restartCount: 0 });
    await sh(name, 'touch /tmp/started');
    await becomes({ ready: true, started: true });

    await sh(name, 'rm /tmp/ready');
    await becomes({ ready: false, started: true });
    await told('Readiness probe failed');
    await sh(name, 'touch /tmp/ready');
    await becomes({ ready: true, restartCount: 0 });

    // The new container has files of its own, so it has neither started nor died.
    await sh(name, 'touch /tmp/dead');
    const restarted = await becomes({ restartCount: 1, ready: false, started: false });
    expect(restarted.lastState.terminated).toBeDefined();
    await told('Liveness probe failed');
  });

  it('kubectl logs shows the end, goes on with what comes, and remembers the container before', async () => {
    const script =
      'for i in 1 2 3 4 5; do echo line $i; done; trap "echo last words; exit 3" TERM; sleep infinity & wait';
    await lab.apply(
      CLUSTER,
      pod('talker', { image: 'debian', command: ['bash', '-c', script] }, { namespace: NS }),
    );
    await ready('talker');
    await until('all lines are there', async () =>
      (await kubectl('logs', 'talker')) === 'line 1\nline 2\nline 3\nline 4\nline 5\n' ? true : null,
    );
    expect(await kubectl('logs', 'talker', '--tail=2')).toBe('line 4\nline 5\n');

    const followed = lab.followKubectl(CLUSTER, 'logs', '-f', '--tail=1', 'talker', ...IN);
    await until('what was said already', async () => (followed.text() === 'line 5\n' ? true : null));
    await sh('talker', 'echo said later > /proc/1/fd/1');
    await until('what was said later', async () =>
      followed.text() === 'line 5\nsaid later\n' ? true : null,
    );

    // The shell that asks for it may end with the container, before it can say that it did so.
    await lab.tryKubectl(CLUSTER, 'exec', ...IN, 'talker', '--', 'sh', '-c', 'kill -TERM 1');
    await until('the container is another', async () => {
      const { status } = await lab.get(CLUSTER, 'pod', 'talker', ...IN);
      const { restartCount, state, lastState } = status.containerStatuses[0];
      return restartCount === 1 && state.running && lastState.terminated.exitCode === 3 ? true : null;
    });
    expect(await kubectl('logs', 'talker', '--previous')).toMatch(/line 5\nsaid later\nlast words\n$/);
    expect(await kubectl('logs', 'talker')).not.toContain('last words');
  });

  it('kubectl exec passes on both outputs, the input and the exit code', async () => {
    const { exitCode, stdout, stderr } = await lab.tryKubectl(
      CLUSTER,
      ...['exec', ...IN, 'client', '--', 'sh', '-c', 'echo out; echo err >&2; hostname; exit 7'],
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 7, stdout: 'out\nclient\n' });
    expect(stderr).toMatch(/^err\n/);
    const sum = await lab.run(
      'sh',
      '-c',
      `echo to be counted | "$@"`,
      'sh',
      ...lab.kubectlCommand(CLUSTER, [...['exec', '-i', ...IN, 'client', '--', 'wc', '-c']]),
    );
    expect(sum.stdout.trim()).toBe('14');
  });

  it('kubectl cp brings a file there and back unchanged', async () => {
    const bytes = randomBytes(3_000_000);
    const [there, back] = [join(lab.folder, 'there'), join(lab.folder, 'back')];
    await writeFile(there, bytes);
    await kubectl('cp', there, 'client:/tmp/carried');
    const sum = createHash('sha256').update(bytes).digest('hex');
    expect(await sh('client', 'sha256sum /tmp/carried')).toContain(sum);
    await kubectl('cp', 'client:/tmp/carried', back);
    expect((await readFile(back)).equals(bytes)).toBe(true);
  });

  it('kubectl port-forward leads from this machine to a port of the pod', async () => {
    // Ready once it listens: kubectl gives up forwarding when the pod refuses a connection.
    const readinessProbe = { httpGet: { path: '/', port: 8080 }, periodSeconds: 1, timeoutSeconds: 5 };
    const container = { env: [{ name: 'VERSION', value: 'far' }], readinessProbe };
    await lab.apply(CLUSTER, pod('far', container, { namespace: NS }));
    await ready('far');
    const forward = lab.followKubectl(CLUSTER, 'port-forward', 'pod/far', ':8080', ...IN);
    const port = await until(
      'kubectl forwards',
      async () => /127\.0\.0\.1:(\d+) ->/.exec(forward.text())?.[1] ?? null,
    );
    const answer = await until('the pod answers', async () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        (response) => response.json() as Promise<{ version: string; host: string }>,
        () => null,
      ),
    );
    expect(answer).toMatchObject({ version: 'far', host: 'far' });
  });

  it('an image that the lab does not have ends in ErrImagePull, and the message says so', async () => {
    const image = 'example.com/nobody/knows:1.0';
    await lab.apply(CLUSTER, pod('unknown', { image }, { namespace: NS }));
    const message = await until('the pull fails', async () => {
      const { status } = await lab.get(CLUSTER, 'pod', 'unknown', ...IN);
      const { reason, message } = status.containerStatuses?.[0]?.state.waiting ?? {};
      return reason === 'ErrImagePull' || reason === 'ImagePullBackOff' ? (message as string) : null;
    });
    expect(message).toContain(`image "${image}" is not in the lab's image catalogue`);
    expect(message).toContain('--images FILE');
    // Events follow by themselves, a moment later.
    const pulled = message.replace(/^Back-off .*?ErrImagePull: /, '');
    await until('events tell the same', async () => {
      const scope = '--field-selector=involvedObject.name=unknown';
      const { items } = await lab.get(CLUSTER, 'events', scope, ...IN);
      const failed = items.filter(({ reason }: { reason: string }) => reason === 'Failed');
      const messages: string[] = failed.map((it: { message: string }) => it.message);
      return messages.includes('Error: ErrImagePull') && messages.join('\n').includes(pulled) ? true : null;
    });
    expect((await lab.get(CLUSTER, 'pod', 'unknown', ...IN)).status.phase).toBe('Pending');
  });
});
