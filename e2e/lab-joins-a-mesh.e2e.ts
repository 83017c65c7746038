import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bystander, deployment, namespace, service, serviceAccount } from './lab-manifests.ts';
import { LabUnderTest, until } from './lab-under-test.ts';

const CLUSTERS = ['cluster1', 'cluster2'];
const OUTSIDE = 'outside';
/** Where the app of the scenarios takes connections and says nothing. */
const TCP_PORT = 7003;
/** An address of the Internet, which answers everybody who can reach it. */
const BEYOND = '1.1.1.1';
const READY = ['wait', '--for=condition=Available', '--timeout=120s', '--all', 'deployments'];

describe('two clusters and a VM', () => {
  let lab: LabUnderTest;

  beforeAll(async () => {
    lab = await LabUnderTest.begin('mesh');
  });
  afterAll(() => lab.end());

  /** What the client in cluster1 gets from a Service; null when it gets nothing within a few seconds. */
  async function call(name: string): Promise<{ version: string; headers: Record<string, string> } | null> {
    const { exitCode, stdout } = await lab.tryKubectl(
      'cluster1',
      ...['exec', 'client', '-c', 'client', '--'],
      ...['curl', '-sf', '--max-time', '3', `http://${name}.default/`],
    );
    return exitCode === 0 ? JSON.parse(stdout) : null;
  }

  describe('fresh', () => {
    it('istioctl analyze has nothing to say', async () => {
      const all = ['-A', '--remote-contexts', 'cluster2', '--failure-threshold', 'Info'];
      const { stdout, stderr } = await lab.istioctl('cluster1', 'analyze', ...all);
      expect(stdout.trim()).toBe('');
      expect(stderr).toContain('No validation issues found');
    });

    it.each(CLUSTERS)('%s has both clusters synced', async (cluster) => {
      const [, ...rows] = (await lab.istioctl(cluster, 'remote-clusters')).stdout.trim().split('\n');
      expect(rows.map((row) => row.match(/^(\S+) .*\bsynced\b/)?.[1]).sort()).toEqual(CLUSTERS);
    });

    it.each(CLUSTERS)('every proxy of %s has acknowledged all it was sent', async (cluster) => {
      await until('every proxy is synced', async () => {
        const { resources } = JSON.parse(
          (await lab.istioctl(cluster, 'proxy-status', '-o', 'json')).stdout,
        ) as {
          resources: { node: { id: string }; genericXdsConfigs: { configStatus: string }[] }[];
        };
        const names = resources.map(({ node }) => node.id.replace(/-[a-z0-9]+-[a-z0-9]{5}\./, '.')).sort();
        expect(names).toEqual(['istio-eastwestgateway.istio-system', 'istio-ingressgateway.istio-system']);
        const states = resources.flatMap((it) => it.genericXdsConfigs).map((it) => it.configStatus);
        return states.length > 0 && states.every((it) => it === 'SYNCED') ? true : null;
      });
    });

    it('every component is ready and has not been restarted', async () => {
      const { components } = await lab.readStatus();
      expect(components.filter((it) => it.health !== 'ready' || it.restarts > 0)).toEqual([]);
      expect(components.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['cluster1/kubelet', 'cluster2/kubelet', 'vm']),
      );
    });
  });

  describe('with services in both', () => {
    beforeAll(async () => {
      const spec = { serviceAccountName: 'client' };
      const app = (version: string) => ({ env: [{ name: 'VERSION', value: version }] });
      await Promise.all([
        lab.apply(
          'cluster1',
          ...[serviceAccount('client'), bystander('client', { spec })],
          // The name is known in both clusters; the pods are in the other one.
          ...[service('far'), service('door', { port: TCP_PORT, app: 'far' })],
          ...[service('near'), deployment('near', 1, app('near'))],
        ),
        lab.apply(
          'cluster2',
          ...[
            service('far'),
            service('door', { port: TCP_PORT, app: 'far' }),
            deployment('far', 1, app('far')),
          ],
          ...[namespace(OUTSIDE), bystander('outsider', { namespace: OUTSIDE })],
          ...[service('other', { in: OUTSIDE, type: 'LoadBalancer' })],
          deployment('other', 1, app('other'), OUTSIDE),
        ),
      ]);
      await Promise.all([
        lab.kubectl('cluster1', ...READY),
        lab.kubectl('cluster1', 'wait', '--for=condition=Ready', '--timeout=120s', 'pod/client'),
        lab.kubectl('cluster2', ...READY),
        lab.kubectl('cluster2', ...READY, '-n', OUTSIDE),
        lab.kubectl(
          'cluster2',
          'wait',
          '--for=condition=Ready',
          '--timeout=120s',
          'pod/outsider',
          '-n',
          OUTSIDE,
        ),
      ]);
    });

    it('a pod in cluster1 calls a Service of cluster2, and each proves who it is', async () => {
      const answer = await until('the other cluster answers', () => call('far'));
      expect(answer.version).toBe('far');
      // Written by the answering sidecar, of the certificate that it was shown.
      const certificate = answer.headers['x-forwarded-client-cert'] ?? '';
      expect(certificate).toContain('URI=spiffe://cluster.local/ns/default/sa/client');
      expect(certificate).toContain('By=spiffe://cluster.local/ns/default/sa/default');
    });

    it('every request and every connection is counted once, by the proxy that sent it and by the one that got it', async () => {
      const door = `for i in 1 2 3; do timeout 3 bash -c 'exec 3<>/dev/tcp/door.default/${TCP_PORT}; cat <&3'; done`;
      /** What the counters of one name and reporter add up to in a pod. */
      const counted = async (cluster: string, name: string, metric: string, labels: string[]) => {
        const path = `/api/v1/namespaces/default/pods/${name}:15020/proxy/stats/prometheus`;
        const lines = (await lab.kubectl(cluster, 'get', '--raw', path)).split('\n');
        return lines
          .filter((line) => line.startsWith(`envoy_istiocustom_${metric}{`))
          .filter((line) => labels.every((label) => line.includes(label)))
          .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
      };
      const { items } = await lab.get('cluster2', 'pods', '-l', 'app=far');
      const far = items[0].metadata.name;
      const http = 'istio_requests_total';
      const tcp = 'istio_tcp_connections_closed_total';
      const sent = (host: string) => [
        'reporter="source"',
        `destination_service="${host}.default.svc.cluster.local"`,
      ];
      const got = [
        'reporter="destination"',
        'connection_security_policy="mutual_tls"',
        'destination_workload="far"',
      ];
      const all = () =>
        Promise.all([
          counted('cluster1', 'client', http, [...sent('far'), 'response_code="200"']),
          counted('cluster2', far, http, [
            ...got,
            'source_principal="spiffe://cluster.local/ns/default/sa/client"',
          ]),
          counted('cluster1', 'client', tcp, sent('door')),
          counted('cluster2', far, tcp, got),
        ]);
      const before = await all();
      for (let i = 0; i < 3; i += 1) expect(await call('far')).not.toBeNull();
      await lab.kubectl('cluster1', 'exec', 'client', '-c', 'client', '--', 'bash', '-c', door);
      await until(
        'all of them are counted',
        async () => {
          const more = (await all()).map((count, i) => count - (before[i] ?? 0));
          return more.join() === '3,3,3,3' ? true : null;
        },
        20_000,
      );
    });

    it("a LoadBalancer's address leads to its pods from the other cluster and the VM, the gateway's from this machine", async () => {
      const { status } = await until('it has an address', async () => {
        const found = await lab.get('cluster2', 'service', 'other', '-n', OUTSIDE);
        return found.status.loadBalancer.ingress ? found : null;
      });
      const url = `http://${status.loadBalancer.ingress[0].ip}/`;
      // The address is told before the node leads it on.
      const curl = ['curl', '-sf', '--max-time', '5', url];
      await until('a pod of the other cluster is answered', async () => {
        const command = ['exec', 'client', '-c', 'client', '--', ...curl];
        const { stdout } = await lab.tryKubectl('cluster1', ...command);
        return stdout.includes('"other"') ? true : null;
      });
      expect(await lab.onVm(curl.join(' '))).toContain('"other"');
      await lab.apply('cluster2', {
        apiVersion: 'networking.istio.io/v1',
        kind: 'Gateway',
        metadata: { name: 'front', namespace: OUTSIDE },
        spec: {
          selector: { istio: 'ingressgateway' },
          servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }],
        },
      });
      const { ingress } = (await lab.readStatus()).clusters[1]?.gateways ?? {};
      const answer = await until('the gateway answers', () => fetch(ingress?.http ?? '').catch(() => null));
      // It has not been told what to serve.
      expect({ status: answer.status, server: answer.headers.get('server') }).toEqual({
        status: 404,
        server: 'istio-envoy',
      });
    });

    it('a call in plain text from outside the mesh is refused, and would not be if the mesh allowed it', async () => {
      const curl = (url: string) =>
        lab.tryKubectl(
          'cluster2',
          ...['exec', '-n', OUTSIDE, 'outsider', '--', 'curl', '-s', '--max-time', '5', url],
        );
      const reached = async (url: string) => (await curl(url)).stdout.includes('"version"');
      const { items } = await lab.get('cluster2', 'pods', '-l', 'app=far');
      const address = `http://${items[0].status.podIP}:8080/`;

      expect(await reached(`http://other.${OUTSIDE}/`)).toBe(true);
      expect(await reached('http://far.default/')).toBe(false);
      const { exitCode, stdout } = await curl(address);
      expect(stdout).toBe('');
      // curl's "connection reset by peer": it was refused, not lost.
      expect(exitCode).toBe(56);

      await lab.apply('cluster2', {
        apiVersion: 'security.istio.io/v1',
        kind: 'PeerAuthentication',
        metadata: { name: 'lenient', namespace: 'default' },
        spec: { mtls: { mode: 'PERMISSIVE' } },
      });
      await until('a lenient mesh lets it in', async () => ((await reached(address)) ? true : null));
      await lab.kubectl('cluster2', 'delete', 'peerauthentication', 'lenient');
      await until('a strict one refuses it again', async () => ((await reached(address)) ? null : true));
    });

    it('a cluster that is cut off is out of reach, the other goes on, and healing brings it back', async () => {
      await until('the other cluster answers', () => call('far'));
      await lab.must('fault', 'cut', 'cluster2');
      try {
        await until('calls are lost', async () => ((await call('far')) === null ? true : null));
        expect((await call('near'))?.version).toBe('near');
        const nodes = await lab.tryKubectl('cluster2', 'get', 'nodes', '--request-timeout=3s');
        expect(nodes.exitCode).toBe(1);
        expect(await lab.kubectl('cluster1', 'get', 'nodes', '-o', 'name')).toBe('node/cluster1-node\n');
      } finally {
        expect((await lab.must('fault', 'heal')).stderr).toBe('healed: cluster2\n');
      }
      expect((await until('calls get through again', () => call('far'))).version).toBe('far');
      await lab.kubectl('cluster2', 'wait', '--for=condition=Ready', 'node/cluster2-node', '--timeout=60s');
      expect((await lab.must('fault', 'heal')).stderr).toBe('no link was broken\n');
    });

    it("the VM's link is slowed until it is healed, or it is said why it can't be", async () => {
      const { exitCode, stderr } = await lab.lab('fault', 'delay', 'vm', '80ms');
      if (exitCode === 0) {
        const connect = 'curl -sk -o /dev/null -w %{time_connect} https://10.10.1.10:6443/';
        expect(Number(await lab.onVm(connect))).toBeGreaterThan(0.16);
        expect((await lab.must('fault', 'heal')).stderr).toBe('healed: vm\n');
        expect(Number(await lab.onVm(connect))).toBeLessThan(0.16);
      } else {
        expect(exitCode).toBe(1);
        expect(stderr).toMatch(/^this machine's kernel has no netem .*: .* or cut a link instead\n$/);
        expect((await lab.must('fault', 'heal')).stderr).toBe('no link was broken\n');
      }
    });

    it('a part that is killed is started again, the status counts it, and it does its work', async () => {
      const scheduler = async () => {
        const { components } = await lab.readStatus();
        return components.find(({ name }) => name === 'cluster1/scheduler');
      };
      const before = await scheduler();
      await lab.must('fault', 'kill', 'cluster1/scheduler');
      const after = await until('the scheduler is back', async () => {
        const now = await scheduler();
        return now?.health === 'ready' && now.pid !== before?.pid ? now : null;
      });
      expect(after.restarts).toBe(1);
      await lab.kubectl('cluster1', 'scale', 'deployment/near', '--replicas=2');
      await lab.kubectl('cluster1', 'rollout', 'status', 'deployment/near', '--timeout=90s');
    });

    it('neither a pod nor the VM reaches this machine, or anything beyond the lab', async () => {
      const server = createServer((_request, response) => void response.end('here')).listen(0, '0.0.0.0');
      await once(server, 'listening');
      try {
        const { port } = server.address() as AddressInfo;
        const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
        const addresses = own.filter(({ family }) => family === 'IPv4').map(({ address }) => address);
        for (const address of [...addresses, BEYOND]) {
          const url = `http://${address}:${port}/`;
          if (address !== BEYOND) expect(await (await fetch(url)).text()).toBe('here');
          // curl's code for a connection that is refused at once, and not one that is waited for.
          const curl = `curl -s --max-time 9 ${url} || echo ends with $?`;
          expect(await lab.onVm(curl)).toBe('ends with 7\n');
          const inPod = ['exec', '-n', OUTSIDE, 'outsider', '--', 'sh', '-c', curl];
          expect(await lab.kubectl('cluster2', ...inPod)).toBe('ends with 7\n');
        }
      } finally {
        server.close();
      }
    });

    it('a workload that is killed is started again by its node', async () => {
      const istiod = async () => {
        const { items } = await lab.get('cluster1', 'pods', '-n', 'istio-system', '-l', 'app=istiod');
        return items[0].status.containerStatuses[0] as { ready: boolean; restartCount: number };
      };
      expect(await istiod()).toMatchObject({ ready: true, restartCount: 0 });
      expect((await lab.must('fault', 'kill', 'cluster1/istiod')).stderr).toMatch(
        /^killed: cluster1\/istiod-/,
      );
      await until('istiod is back', async () => {
        const { ready, restartCount } = await istiod();
        return ready && restartCount === 1 ? true : null;
      });
    });
  });

  describe('the VM', () => {
    it('is reached by ssh, as a machine of its own with sudo', async () => {
      expect(await lab.onVm('hostname; id -un; sudo id -un; cat /etc/debian_version')).toMatch(
        new RegExp(`^vm\n${lab.vm.ssh.user}\nroot\n12\\.\\d+\n$`),
      );
    });

    it("installs the sidecar's package, which brings Istio's own layout", async () => {
      const { path, sha256 } = lab.vm.sidecarPackage;
      expect(
        createHash('sha256')
          .update(await readFile(path))
          .digest('hex'),
      ).toBe(sha256);
      await lab.toVm(path, '/tmp/istio-sidecar.deb');
      await lab.onVm('sudo dpkg -i /tmp/istio-sidecar.deb');
      expect(await lab.onVm('dpkg -s istio-sidecar')).toContain('Status: install ok installed\n');
      expect(await lab.onVm('systemctl cat istio')).toContain('ExecStart=/usr/local/bin/istio-start.sh');
      expect(await lab.onVm('/usr/local/bin/pilot-agent version --short')).toContain(
        lab.status.versions.istio,
      );
      expect(await lab.onVm('/usr/local/bin/envoy --version')).toContain(lab.status.versions.envoy);
      expect(await lab.onVm('stat -c %U /var/lib/istio/envoy; id -nu istio-proxy')).toBe(
        'istio-proxy\nistio-proxy\n',
      );
    });

    it('comes back from a reboot with empty /run and /tmp, its disk, and what is enabled', async () => {
      const unit = (name: string) => `
sudo tee /etc/systemd/system/${name}.service > /dev/null <<'END'
[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
END`;
      await lab.onVm(`${unit('kept-on')}${unit('only-now')}
sudo systemctl daemon-reload && sudo systemctl enable --now kept-on && sudo systemctl start only-now
touch /tmp/gone && sudo touch /run/gone && touch kept`);
      const states = 'systemctl is-active kept-on only-now || true';
      expect(await lab.onVm(states)).toBe('active\nactive\n');
      const bootId = 'cat /proc/sys/kernel/random/boot_id; systemctl show -p MainPID --value kept-on';
      const before = (await lab.onVm(bootId)).split('\n');

      await lab.must('vm', 'reboot');

      const after = (await lab.onVm(bootId)).split('\n');
      expect(after[0]).not.toBe(before[0]);
      expect(await lab.onVm('ls -A /tmp; ls kept; ls /run/gone 2>&1 || true')).toBe(
        "kept\nls: cannot access '/run/gone': No such file or directory\n",
      );
      expect(await lab.onVm(states)).toBe('active\ninactive\n');
      expect(await lab.onVm('dpkg -s istio-sidecar')).toContain('Status: install ok installed\n');
    });

    it.each(['stop', 'kill'])('is off after `vm %s`, and on again after `vm start`', async (action) => {
      await lab.onVm('touch stays');
      await lab.must('vm', action);
      const { exitCode, stderr } = await lab.meshliftLab('ssh', '--name', lab.name, '--', 'true');
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/ is off: /) });
      expect((await lab.must('status')).stdout).toContain('off, until `lab vm start`');
      await lab.must('vm', 'start');
      expect((await lab.must('status')).stdout).not.toContain('off, until');
      expect(await lab.onVm('ls stays; systemctl is-active kept-on')).toBe('stays\nactive\n');
    });
  });
});
