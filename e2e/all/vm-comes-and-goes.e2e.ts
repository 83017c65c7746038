import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scenario } from '../scenario.ts';

/** Every file of the VM with its kind, mode, owner and contents, but not what the kernel or a reboot makes. */
const everyFile = `
sudo sh <<'END'
cd /
find . -xdev \\( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp \\) -prune \\
  -o -printf '%p %M %u:%g %l\\n' | sort
echo ---
find . -xdev \\( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp \\) -prune \\
  -o -type f -exec sha256sum {} + | sort -k2
END`;

/** What installing and removing any package with dpkg, and adding and removing any user, leaves on a Debian. */
const leftByPackageTools = [
  /^\.\/var\/lib\/dpkg(\/|$)/, // dpkg's own record of what it did
  /^\.\/var\/log\//, // its log, and the journal
  /^\.\/var\/cache\/(ldconfig|apt|debconf)(\/|$)/,
  /^\.\/etc\/(passwd|group|shadow|gshadow|subuid|subgid)-$/, // useradd's backups of the former files
];

/** Whom the VM's rules send its traffic to, and the chains that do. */
const trafficRules = `sudo sh -c "{ iptables-save; ip6tables-save; } 2>/dev/null | grep -E '^(-A|:[A-Z_]*ISTIO|:MESHLIFT)' || true"`;

describe('a VM that comes and goes', () => {
  let scenario: Scenario;
  let file: string;
  let files: ReadonlyMap<string, string>;
  let rules: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('vm-comes-and-goes');
    await scenario.shop();
    file = await scenario.migration();
    files = await filesOfVm();
    rules = (await scenario.onVm(trafficRules)).stdout;
  });
  afterAll(() => scenario.end());

  async function filesOfVm(): Promise<ReadonlyMap<string, string>> {
    const [listing = '', sums = ''] = (await scenario.onVm(everyFile)).stdout.split('---\n');
    const found = new Map(
      listing
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
    );
    for (const line of sums.trim().split('\n')) {
      const [sum = '', path = ''] = line.split('  ');
      found.set(path, `${found.get(path)} ${sum}`);
    }
    return found;
  }

  async function healthy(): Promise<true | null> {
    const { exitCode } = await scenario.meshlift(file, 'vm', 'status');
    return exitCode === 0 ? true : null;
  }

  it('joins, and leaves no secret that others can read', async () => {
    const { exitCode } = await scenario.meshlift(file, 'vm', 'join');
    expect(exitCode).toBe(0);
    const { stdout } = await scenario.onVm(
      `sudo stat -L -c '%a %U %n' /var/run/secrets/tokens /var/run/secrets/tokens/istio-token /etc/certs/key.pem /var/lib/meshlift`,
    );
    expect(stdout.trim().split('\n')).toEqual([
      '700 istio-proxy /var/run/secrets/tokens',
      '600 istio-proxy /var/run/secrets/tokens/istio-token',
      '600 istio-proxy /etc/certs/key.pem',
      '700 root /var/lib/meshlift',
    ]);
    await scenario.customersShopping();
  });

  it('joins again without changing anything', async () => {
    const before = await filesOfVm();
    const { exitCode } = await scenario.meshlift(file, 'vm', 'join');
    expect(exitCode).toBe(0);
    const after = await filesOfVm();
    const changed = [...after].filter(
      ([path, it]) => before.get(path) !== it && !/^\.\/var\/(log|lib\/istio\/proxy)/.test(path),
    );
    expect(changed).toEqual([]);
  });

  it('comes back by itself from a reboot', async () => {
    await scenario.stage.meshlift(['lab', 'vm', 'reboot', '--name', scenario.stage.labName], { quiet: true });
    await scenario.until('the VM healthy after its reboot', healthy);
    expect((await scenario.onVm('systemctl is-active istio productcatalogservice')).stdout).toBe(
      'active\nactive\n',
    );
    await scenario.customersShopping();
  });

  it('comes back with a new token when it was off so long that its certificate ended', async () => {
    await scenario.onVm('sudo systemctl stop istio; sudo rm -rf /var/run/secrets/tokens');
    await scenario.stage.toVm(await endedCertificate(), 'ended');
    await scenario.onVm(`sudo install -o istio-proxy -g istio-proxy -m 0600 ended/* /etc/certs && rm -r ended
sudo systemctl start istio`);
    await scenario.until('the VM gone from the mesh', async () => ((await healthy()) ? null : true));

    const { exitCode, stderr } = await scenario.meshlift(file, 'vm', 'join');
    expect(exitCode).toBe(0);
    expect(stderr).toContain('/var/run/secrets/tokens/istio-token');
    expect(await healthy()).toBe(true);
    await scenario.customersShopping();
  });

  it('is not let go while callers depend on it', async () => {
    const { exitCode, stderr } = await scenario.meshlift(file, 'vm', 'leave');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('callers in every cluster reach the VM through its sidecar');
    expect(await healthy()).toBe(true);
  });

  it('leaves, and is file for file what it was before it joined', async () => {
    expect((await scenario.meshlift(file, 'vm', 'leave', '--force')).exitCode).toBe(0);
    const after = await filesOfVm();
    const paths = new Set([...files.keys(), ...after.keys()]);
    const different = [...paths].filter((path) => files.get(path) !== after.get(path));
    const ours = different.filter((path) => !leftByPackageTools.some((it) => it.test(path)));
    expect(ours.map((path) => `${path}: ${files.get(path)} → ${after.get(path)}`)).toEqual([]);
    expect((await scenario.onVm(trafficRules)).stdout).toBe(rules);
    expect(
      (await scenario.onVm('pgrep -u istio-proxy || true; systemctl is-active productcatalogservice')).stdout,
    ).toBe('active\n');
  });

  it('comes a second time', async () => {
    expect((await scenario.meshlift(file, 'vm', 'join')).exitCode).toBe(0);
    expect(await healthy()).toBe(true);
  });

  /** A key and a certificate of the VM's own identity that ended long ago, as after weeks without power. */
  async function endedCertificate(): Promise<{ 'key.pem': string; 'cert-chain.pem': string }> {
    const at = (name: string) => join(scenario.folder, name);
    const openssl = (...args: string[]) =>
      execFileSync('openssl', args, { cwd: scenario.folder, stdio: 'ignore' });
    await writeFile(at('index'), '');
    await writeFile(
      at('ca.conf'),
      `[ca]\ndefault_ca=d\n[d]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\ncopy_extensions=copy\n[p]\ncommonName=supplied\n`,
    );
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'key.pem');
    const identity = 'subjectAltName=URI:spiffe://cluster.local/ns/default/sa/productcatalog';
    openssl('req', '-new', '-key', 'key.pem', '-subj', '/CN=vm', '-addext', identity, '-out', 'vm.csr');
    const dates = ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z'];
    const files = ['-config', 'ca.conf', '-keyfile', 'key.pem', '-in', 'vm.csr', '-out', 'cert-chain.pem'];
    openssl('ca', '-batch', '-notext', '-selfsign', ...dates, ...files);
    return { 'key.pem': at('key.pem'), 'cert-chain.pem': at('cert-chain.pem') };
  }
});
