import { expect, test } from 'vitest';
import { backbonePort, networkCommands } from './topology.ts';

const cluster = {
  name: 'cluster1',
  address: '10.10.1.10',
  pods: { cidr: '10.21.0.0/16', serviceCidr: '10.121.0.0/16' },
};
const vm = { name: 'vm', address: '10.10.100.10' };

test('namespaces exist before anything is done in them', () => {
  const commands = networkCommands([cluster, vm]);
  const inside = commands.findIndex(({ netns }) => netns !== null);
  const before = commands.slice(0, inside).map(({ stdin }) => stdin);
  expect(before.join('')).toContain('netns add cluster1\n');
  expect(before.join('')).toContain('netns add vm\n');
  expect(commands.slice(inside).every(({ netns }) => netns !== null)).toBe(true);
});

test("pods' packets keep their source inside the cluster and take the machine's outside of it", () => {
  const nft = networkCommands([cluster]).find(({ argv }) => argv[0] === 'nft');
  expect(nft?.netns).toBe('cluster1');
  expect(nft?.stdin).toContain(
    'ip saddr 10.21.0.0/16 ip daddr != { 10.21.0.0/16, 10.121.0.0/16 } oifname "eth0" masquerade',
  );
});

test('a machine without pods forwards nothing', () => {
  const programs = networkCommands([vm]).filter(({ netns }) => netns === 'vm');
  expect(programs.map(({ argv }) => argv[0])).toEqual(['ip']);
});

test("a link's name fits the kernel's fifteen characters for every machine that a lab can have", () => {
  for (const name of ['cluster1', 'cluster4', 'vm'])
    expect(backbonePort(name).length).toBeLessThanOrEqual(15);
});
