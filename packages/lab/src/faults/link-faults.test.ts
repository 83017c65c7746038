import { expect, test } from 'vitest';
import { ProgramError } from '../supervisor/run-program.ts';
import { LinkFaults } from './link-faults.ts';

/** A network that remembers what its programs have made of it: who is off the bridge, and whose packets wait where. */
function network(refuse: (argv: readonly string[]) => Error | null = () => null) {
  const off = new Set<string>();
  const queues = new Map<string, string>();
  const run = async (argv: readonly string[]) => {
    const refusal = refuse(argv);
    if (refusal) throw refusal;
    const words = argv[0] === 'nsenter' ? argv.slice(3) : argv;
    const where = argv[0] === 'nsenter' ? `in ${argv[1]?.split('/').at(-1)}` : 'outside';
    if (words[0] === 'ip') {
      const [, , , port = '', verb] = words;
      if (verb === 'nomaster') off.add(port);
      else off.delete(port);
    } else if (words[2] === 'replace') queues.set(`${where} ${words[4]}`, words.slice(6).join(' '));
    else if (!queues.delete(`${where} ${words[4]}`)) throw new Error(`nothing to delete: ${argv.join(' ')}`);
  };
  return { off, queues, links: new LinkFaults(['cluster1', 'vm'], run) };
}

test('a cut machine is off the bridge until it is healed, and the other one stays on', async () => {
  const { off, links } = network();
  await links.cut('vm');
  expect(off.size).toBe(1);
  expect(links.list()).toEqual([{ machine: 'vm', cut: true, delayMs: null }]);
  expect(await links.heal('cluster1')).toEqual([]);
  expect(off.size).toBe(1);
  expect(await links.heal()).toEqual(['vm']);
  expect([...off, ...links.list()]).toEqual([]);
});

test('a delay holds packets back in both directions until it is healed', async () => {
  const { queues, links } = network();
  await links.delay('vm', 80);
  await links.delay('vm', 90);
  expect([...queues.values()]).toEqual(['netem delay 90ms', 'netem delay 90ms']);
  expect([...queues.keys()].filter((where) => where.startsWith('in vm'))).toHaveLength(1);
  expect(links.list()).toEqual([{ machine: 'vm', cut: false, delayMs: 90 }]);
  await links.heal('vm');
  expect([...queues, ...links.list()]).toEqual([]);
});

test('a kernel that cannot delay is told as that, and no link is any different', async () => {
  const unknown = new ProgramError(
    'tc qdisc replace ended with exit code 2: Error: Specified qdisc kind is unknown.',
  );
  const { queues, links } = network((argv) => (argv.includes('netem') ? unknown : null));
  await expect(links.delay('vm', 80)).rejects.toThrow(
    /kernel has no netem \(sch_netem\).*cut a link instead$/,
  );
  expect([...queues, ...links.list()]).toEqual([]);
});

test('a delay that takes at one end only is taken back', async () => {
  const broken = new ProgramError('nsenter ended with exit code 1: reassociate to namespaces failed');
  const { queues, links } = network((argv) => (argv[0] === 'nsenter' ? broken : null));
  await expect(links.delay('vm', 80)).rejects.toThrow('reassociate');
  expect([...queues, ...links.list()]).toEqual([]);
});

test('a machine that is not there is named with those that are', async () => {
  const { links } = network();
  for (const ask of [() => links.cut('vm2'), () => links.delay('vm2', 1), () => links.heal('vm2')]) {
    await expect(ask()).rejects.toThrow('the lab has no machine vm2: it has cluster1, vm');
  }
});
