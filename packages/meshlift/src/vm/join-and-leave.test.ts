import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../effects/clock/real.ts';
import { openSsh } from '../effects/ssh/real.ts';
import { type Bootstrap, bootstrapFiles } from './bootstrap-files.ts';
import { readVmInbound } from './inbound.ts';
import { joinVm } from './join.ts';
import { leaveVm } from './leave.ts';
import { reachFromVm } from './reach.ts';
import { canSandbox, type SandboxVm, sandboxVm } from './sandbox-vm.testing.ts';

describe.runIf(canSandbox)(
  'a VM that joins the mesh and leaves it',
  () => {
    let vm: SandboxVm;

    beforeEach(async () => {
      vm = await sandboxVm(openSsh);
    });

    afterEach(() => vm.close());

    function bootstrap(gatewayAddress = '10.0.0.1'): Bootstrap {
      return bootstrapFiles({
        meshConfig: 'trustDomain: cluster.local\n',
        workloadGroup: {
          apiVersion: 'networking.istio.io/v1',
          kind: 'WorkloadGroup',
          metadata: { name: 'catalog', namespace: 'shop' },
          spec: { template: { ports: { grpc: 3550 }, serviceAccount: 'catalog' } },
        },
        rootCert: 'the root\n',
        token: 'hush-hush',
        clusterId: 'cluster1',
        istioNamespace: 'istio-system',
        gatewayAddress,
        vmAddress: '10.0.0.9',
      });
    }

    function join(more: { gatewayAddress?: string; readyTimeoutMs?: number } = {}) {
      const { sidecarPackage } = vm;
      const { readyTimeoutMs = 5_000 } = more;
      return joinVm(vm.ssh, {
        bootstrap: bootstrap(more.gatewayAddress),
        sidecarPackage,
        clock: systemClock,
        readyTimeoutMs,
      });
    }

    it('has the sidecar installed, configured, enabled and running', async () => {
      const report = await join();
      expect(report.packageVersion).toBe('1.31.0');
      expect(vm.sh('systemctl is-enabled istio; systemctl is-active istio')).toBe('enabled\nactive\n');
      expect(vm.sh('cat /etc/hosts')).toContain('10.0.0.1 istiod.istio-system.svc\n');
      expect(vm.sh('cat /etc/istio/proxy/envoy-rev.json')).toBe('for shop\n');
    });

    it('shows the token to the proxy alone, and what was there before to root alone', async () => {
      await join();
      expect(vm.sh("stat -c '%a %U' /var/run/secrets/tokens/istio-token /var/lib/meshlift")).toBe(
        '600 istio-proxy\n700 root\n',
      );
    });

    it('is left as it is when it has joined already', async () => {
      await join();
      const before = vm.files();
      const { changed } = await join();
      expect(changed).toEqual([]);
      expect(vm.files()).toEqual(before);
      expect(vm.sh('grep -c start /var/lib/systemctl.log')).toBe('1\n');
    });

    it('is restarted when something changed, and only what changed is written', async () => {
      await join();
      expect((await join({ gatewayAddress: '10.0.0.2' })).changed).toEqual([
        'wrote /etc/hosts',
        'restarted istio',
      ]);
      vm.sh('chmod 666 /var/lib/istio/envoy/cluster.env');
      expect((await join({ gatewayAddress: '10.0.0.2' })).changed).toEqual([
        'wrote /var/lib/istio/envoy/cluster.env',
        'restarted istio',
      ]);
    });

    it('gets a new token when its certificate is gone', async () => {
      await join();
      vm.sh('rm /etc/certs/cert-chain.pem; rm /run/istio-runs');
      expect((await join()).changed).toEqual(['wrote /var/run/secrets/tokens/istio-token', 'started istio']);
    });

    it('gets rid of a certificate that names somebody else, and gets a token', async () => {
      await join();
      vm.sh('cat /usr/local/share/other.pem > /etc/certs/cert-chain.pem');
      expect((await join()).changed).toEqual([
        'removed the certificate of spiffe://cluster.local/ns/other/sa/other',
        'wrote /var/run/secrets/tokens/istio-token',
        'restarted istio',
      ]);
    });

    it('waits for another installation to end', async () => {
      const busyOnce =
        "[ -e /var/lib/tried ] || { touch /var/lib/tried; echo 'dpkg frontend lock was locked by another process' >&2; exit 2; }";
      vm.tool('dpkg', `${busyOnce}; exec /usr/bin/dpkg "$@"`);
      vm.tool('apt-get', 'exit 1');
      expect((await join()).packageVersion).toBe('1.31.0');
    });

    it('says what the package manager said when it cannot install', async () => {
      vm.tool('dpkg', "echo 'dpkg: error: no space left on device' >&2; exit 2");
      vm.tool('apt-get', 'exit 1');
      await expect(join()).rejects.toMatchObject({
        code: 'vm-command',
        why: expect.stringContaining('no space left'),
      });
    });

    it('is given back file for file', async () => {
      const before = vm.files();
      await join();
      const { changed } = await leaveVm(vm.ssh);
      expect(vm.files()).toEqual(before);
      expect(changed).toContain('removed package istio-sidecar');
      expect(vm.sh('cat /var/lib/iptables.log')).toContain('--cleanup-only');
    });

    it('is given back also where some of it was there before', async () => {
      vm.sh(
        'mkdir -p /etc/certs && echo theirs > /etc/certs/root-cert.pem && chmod 640 /etc/certs/root-cert.pem',
      );
      vm.sh('echo other > /etc/certs/other.pem; mkdir -p /run/secrets && echo s > /run/secrets/s');
      const before = vm.files();
      await join();
      vm.sh('echo later > /etc/certs/later.pem; echo "10.0.0.3 db" >> /etc/hosts');
      await leaveVm(vm.ssh);
      vm.sh("rm /etc/certs/later.pem; sed -i 's/10.0.0.3 db$//' /etc/hosts");
      const ours = (files: string[]) => files.filter((file) => !file.startsWith('/etc/hosts'));
      expect(ours(vm.files())).toEqual(ours(before));
    });

    it('is untouched by leaving what it never joined', async () => {
      const before = vm.files();
      expect((await leaveVm(vm.ssh)).changed).toEqual([]);
      expect(vm.files()).toEqual(before);
    });

    it('can be left after a join that failed half-way', async () => {
      const before = vm.files();
      vm.sh('touch /var/lib/systemctl.broken');
      await expect(join()).rejects.toMatchObject({
        code: 'vm-command',
        why: expect.stringContaining('Job for istio.service failed'),
      });
      vm.sh('rm /var/lib/systemctl.broken');
      await leaveVm(vm.ssh);
      expect(vm.files()).toEqual(before);
    });

    it('can be joined again after it left', async () => {
      await join();
      await leaveVm(vm.ssh);
      expect((await join()).changed.length).toBeGreaterThan(5);
    });

    it('says what its log says when it does not become ready', async () => {
      vm.sh('touch /run/istio-not-ready; mkdir -p /var/log/istio');
      vm.sh('echo "2026 warn envoy config: no route to istiod" > /var/log/istio/istio.err.log');
      await expect(join({ readyTimeoutMs: 300 })).rejects.toMatchObject({
        code: 'timed-out',
        why: expect.stringContaining('no route to istiod'),
      });
    });

    it('refuses a package that is not the one expected, and installs nothing of it', async () => {
      const wrong = { ...vm.sidecarPackage, sha256: '0'.repeat(64) };
      const joining = joinVm(vm.ssh, { bootstrap: bootstrap(), sidecarPackage: wrong, clock: systemClock });
      await expect(joining).rejects.toMatchObject({
        code: 'vm-command',
        why: expect.stringContaining('SHA-256'),
      });
      expect(vm.sh('ls /usr/local/bin')).toBe('');
    });

    describe('takes Istio’s own release', () => {
      /** In the place of curl: the release, and beside it what says of it `sums` (an exit code when there is none). */
      async function published(sums: string | number): Promise<void> {
        await vm.ssh.upload(vm.sidecarPackage.path, '/var/release.deb');
        const sum = typeof sums === 'number' ? `exit ${sums}` : `echo "${sums}  istio-sidecar.deb" > "$out"`;
        vm.tool(
          'curl',
          `for url; do :; done
while [ $# -gt 0 ]; do [ "$1" != -o ] || out=$2; shift; done
echo "$url" >> /var/asked
case "$url" in *.sha256) ${sum} ;; *) cp /var/release.deb "$out" ;; esac`,
        );
      }
      const joinRelease = () =>
        joinVm(vm.ssh, {
          bootstrap: bootstrap(),
          sidecarPackage: { istioVersion: '1.31.0' },
          clock: systemClock,
        });

      it('when it is the one whose checksum is published beside it', async () => {
        await published(vm.sidecarPackage.sha256);
        expect((await joinRelease()).packageVersion).toBe('1.31.0');
        const release = 'https://storage.googleapis.com/istio-release/releases/1.31.0/deb/istio-sidecar.deb';
        expect(vm.sh('cat /var/asked')).toBe(`${release}\n${release}.sha256\n`);
      });

      it.each([
        ['it is another', '0'.repeat(64), /SHA-256 is/],
        ['its checksum is none', 'not found', /holds no SHA-256/],
        ['its checksum can’t be had', 22, /can't be read/],
      ])('and nothing when %s', async (_what, sums, why) => {
        await published(sums);
        await expect(joinRelease()).rejects.toMatchObject({
          code: 'vm-command',
          why: expect.stringMatching(why),
        });
        expect(vm.sh('ls /usr/local/bin')).toBe('');
      });
    });

    it('tells what it can reach, and what is not there', async () => {
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as net.AddressInfo;
      expect(await reachFromVm(vm.ssh, { host: '127.0.0.1', port })).toBe('reached');
      await new Promise((resolve) => server.close(resolve));
      expect(await reachFromVm(vm.ssh, { host: '127.0.0.1', port })).toBe('refused');
    });

    it('tells what its proxy let in', async () => {
      await join();
      vm.sh(
        `echo 'istio_requests_total{reporter="destination",response_code="503",response_flags="UF"} 4' > /var/lib/stats`,
      );
      expect(await readVmInbound(vm.ssh, { ports: [3550] })).toEqual({
        requests: 4,
        failed: 4,
        activeRequests: 0,
        activeConnections: 0,
      });
    });
  },
  60_000,
);
