import { describe, expect, it } from 'vitest';
import { parseVmFacts, serviceReach } from './facts.ts';

const now = Date.UTC(2026, 10, 23, 7, 0, 0);

/** 0BB8 = 3000 on 127.0.0.1, 0DDE = 3550 on every address, 0016 = 22; the last row is a connection, not a listener. */
const tcp = `  sl  local_address rem_address   st tx_queue
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000
   1: 00000000:0DDE 00000000:0000 0A 00000000:00000000
   2: 0100007F:0050 0100007F:9999 01 00000000:00000000
  sl  local_address                         remote_address
   0: 00000000000000000000000001000000:0BB8 00000000000000000000000000000000:0000 0A
   1: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A`;

const debian: Record<string, string> = {
  os: 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"',
  arch: 'x86_64',
  tools: 'systemctl\ndpkg',
  now: `${now + 1_500}000000`,
  disk: 'Filesystem 1024-blocks Used Available Capacity Mounted on\noverlay 100 40 60 40% /',
  addresses: '10.10.100.10 172.17.0.1 ',
  tcp,
  docker: '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 3550 -j DNAT --to-destination 172.17.0.2:3550',
  deb: 'installed 1.31.0',
  rpm: '',
  unit: 'active',
  enabled: 'enabled',
  pem: '',
  joined: 'yes',
};

function printed(sections: Record<string, string>): string {
  return Object.entries(sections)
    .map(([name, text]) => `\n=${name}=\n${text}\n`)
    .join('');
}

function facts(changed: Record<string, string> = {}) {
  return parseVmFacts(printed({ ...debian, ...changed }), now);
}

describe('what a VM tells of itself', () => {
  it('is read section by section', () => {
    expect(facts()).toMatchObject({
      distribution: 'debian',
      distributionVersion: '12',
      packages: 'deb',
      architecture: 'x86_64',
      hasSystemd: true,
      clockSkewMs: 1_500,
      freeBytes: 60 * 1024,
      addresses: ['10.10.100.10', '172.17.0.1'],
      dockerPorts: [3550],
      sidecar: { packageVersion: '1.31.0', unit: 'active', enabled: true, certificateExpiresAt: null },
      joinedByMeshlift: true,
    });
  });

  it('is read also where nothing is installed and nothing can be told', () => {
    const empty = Object.fromEntries(Object.keys(debian).map((name) => [name, '']));
    expect(parseVmFacts(printed({ ...empty, arch: 'riscv64', now: String(now / 1000) }), now)).toMatchObject({
      distribution: 'unknown',
      packages: null,
      hasSystemd: false,
      clockSkewMs: 0,
      addresses: [],
      listeners: [],
      sidecar: { packageVersion: null, unit: 'unknown', enabled: false },
      joinedByMeshlift: false,
    });
  });

  it('knows the time to the second where the VM tells it so', () => {
    expect(facts({ now: `${now / 1000 - 90}` }).clockSkewMs).toBe(-90_000);
  });

  it('finds an rpm package, and none that is only configured', () => {
    expect(facts({ tools: 'systemctl\nrpm', deb: '', rpm: 'installed 1.30.1' })).toMatchObject({
      packages: 'rpm',
      sidecar: { packageVersion: '1.30.1' },
    });
    expect(facts({ deb: 'config-files 1.31.0' }).sidecar.packageVersion).toBeNull();
  });
});

describe('the service on the VM', () => {
  it('is reached when it listens on every address', () => {
    expect(serviceReach(facts({ docker: '' }), 3550)).toEqual({
      listening: true,
      loopbackOnly: false,
      publishedByDocker: false,
    });
  });

  it('is out of reach when it listens on the loopback only, IPv6 included', () => {
    expect(serviceReach(facts(), 3000)).toMatchObject({ listening: true, loopbackOnly: true });
  });

  it('is not there when nothing listens, whatever else is connected', () => {
    expect(serviceReach(facts(), 80)).toEqual({
      listening: false,
      loopbackOnly: false,
      publishedByDocker: false,
    });
  });

  it('may be published by Docker', () => {
    expect(serviceReach(facts(), 3550).publishedByDocker).toBe(true);
    expect(serviceReach(facts(), 355).publishedByDocker).toBe(false);
  });
});
