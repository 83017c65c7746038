// Boots a VM as the lab does, for boot.test.ts: run it as the first process of a new mount, process-id and network
// namespace (and user namespace, unless it is root). It says `ready` and ends the VM when its input ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { run } from '../parts/child.ts';
import { prepareVm, type VmOptions, vmComponents } from './vm.ts';

const input: { stateDir: string; rootfs: string; systemd: string; names: string[] } = JSON.parse(
  process.argv[2] ?? '',
);
const signal = AbortSignal.timeout(60_000);

async function must(command: string): Promise<void> {
  const { code, stderr } = await run({ argv: ['sh', '-c', command], signal });
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
}

await must(
  'mount --make-rprivate / && mount -t proc proc /proc && mount -t tmpfs run /run && ip link set lo up',
);
await must(
  'ip link add backbone type bridge && ip addr add 10.10.0.1/16 dev backbone && ip link set backbone up',
);

async function boot(name: string, index: number): Promise<ChildProcess> {
  const address = `10.10.100.${10 + index}`;
  await must(
    `ip netns add ${name} && ip link add ${name} type veth peer name eth0 netns ${name} &&
     ip link set ${name} master backbone up && ip -n ${name} addr add ${address}/16 dev eth0 &&
     ip -n ${name} link set eth0 up && ip -n ${name} route add default via 10.10.0.1`,
  );
  const vm: VmOptions = {
    name,
    netns: name,
    address,
    stateDir: `${input.stateDir}/${name}`,
    controlSocket: `/run/${name}.sock`,
    parts: { bin: () => input.systemd },
    rootfs: input.rootfs,
    nameservers: ['10.10.0.1'],
  };
  await prepareVm(vm);
  const [component] = vmComponents(vm);
  if (!component) throw new Error('no component');
  const machine = spawn('nsenter', [`--net=/run/netns/${name}`, '--', ...component.argv], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  while (!(await component.ready?.(signal))) {
    if (machine.exitCode !== null) throw new Error(`${name} ended with status ${machine.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return machine;
}

const machines = await Promise.all(input.names.map(boot));
process.stdout.write('ready\n');
process.stdin.resume();
await once(process.stdin, 'end');
await Promise.all(
  machines.map(async (machine) => {
    machine.kill('SIGTERM');
    await once(machine, 'exit');
  }),
);
