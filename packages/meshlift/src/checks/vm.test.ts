import { expect, it } from 'vitest';
import { MeshliftError } from '../errors/error.ts';
import { expectNoticed, type Spoilt } from './testdata/notices.ts';
import { SoundWorld } from './testdata/sound-world.ts';

const vm =
  (sections: Record<string, string>) =>
  ({ vm: all }: SoundWorld) =>
    void Object.assign(all, sections);

it.each<Spoilt>([
  [
    'a VM that does not let us in',
    (world) => {
      world.sshFailure = new MeshliftError('ssh-host-key', {
        where: 'VM',
        why: 'another host key',
        next: 'look',
      });
    },
    { 'vm-ssh': /unknown: VM: another host key/, 'traffic-callers-are-let-in': /^$/ },
  ],
  ['a VM without systemd', vm({ tools: 'dpkg' }), { 'vm-systemd': /fail/ }],
  ['a VM that Istio has no package for', vm({ arch: 'riscv64' }), { 'vm-package': /fail: .*riscv64/ }],
  ['a clock that is wrong', vm({ now: '1000000000' }), { 'vm-clock': /fail: .*behind/ }],
  ['a full disk', vm({ disk: 'x\n/dev/vda 9 1 1000 1% /' }), { 'vm-disk': /fail/ }],
  ['a wrong address', vm({ addresses: '172.16.0.9' }), { 'vm-address': /warning: .*10.10.100.10/ }],
  ['a kernel that redirects nothing', vm({ nat: 'no' }), { 'vm-redirects': /fail: .*nat table/ }],
  ['a VM without name servers', vm({ resolver: '' }), { 'vm-resolver': /warning/ }],
  [
    'somebody else’s sidecar',
    vm({ deb: 'installed 1.20.0', unit: 'active' }),
    { 'vm-other-mesh': /warning: .*1.20.0/, 'traffic-callers-are-members': /unknown: .*sidecar runs/ },
  ],
  [
    'istiod out of reach',
    (world) => {
      world.reachError = 'bash: connect: Connection refused';
    },
    { 'vm-istiod-reachable': /fail: the VM gets a refusal from 10.10.2.101:15012/ },
  ],
  [
    'istiod behind a firewall',
    (world) => {
      world.reachError = '';
    },
    { 'vm-istiod-reachable': /fail: the VM gets no answer from 10.10.2.101:15012/ },
  ],
  [
    'a service that nobody can see',
    vm({ program: '/usr/bin/docker-proxy\n/' }),
    { 'vm-service-visible': /unknown: port 3550 of VM .*: no program can be seen/ },
  ],
  [
    'a unit that does not start at boot',
    vm({ units: 'MainPID=812 productcatalogservice.service disabled' }),
    { 'vm-service-comes-back': /warning: unit productcatalogservice.service, .* not enabled/ },
  ],
  [
    'a service that no unit runs',
    vm({ units: 'MainPID=900 ssh.service enabled' }),
    { 'vm-service-comes-back': /unknown: no systemd unit can be seen/ },
  ],
])('notices %s', (_what, spoil, noticed) => expectNoticed(spoil, noticed));

it('a worker of the unit’s main process is of that unit', async () => {
  const world = new SoundWorld();
  vm({ pids: '820\n821', parents: '820 PPid:\t812\n821 PPid:\t812' })(world);
  expect(await world.noticed()).toEqual({});
});
