import fc from 'fast-check';
import { expect, it } from 'vitest';
import { withHostsBlock, withoutHostsBlock } from './hosts-block.ts';

const before = '127.0.0.1 localhost\n10.0.0.9 istiod.istio-system.svc\n';

it('comes before a line that someone else wrote for the same name', () => {
  const hosts = withHostsBlock(before, '10.0.0.1 istiod.istio-system.svc');
  const addresses = hosts.split('\n').filter((line) => line.endsWith('istiod.istio-system.svc'));
  expect(addresses[0]).toBe('10.0.0.1 istiod.istio-system.svc');
});

it('stands once, however often it is written', () => {
  const once = withHostsBlock(before, '10.0.0.1 istiod.istio-system.svc');
  expect(withHostsBlock(once, '10.0.0.1 istiod.istio-system.svc')).toBe(once);
  expect(withHostsBlock(once, '10.0.0.2 istiod.istio-system.svc')).not.toContain('10.0.0.1 ');
});

it('goes without a trace, whatever the file looked like', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('127.0.0.1 localhost', '# note', '', '::1 ip6'), { maxLength: 6 }),
      fc.boolean(),
      (lines, newline) => {
        const hosts = lines.join('\n') + (newline ? '\n' : '');
        expect(withoutHostsBlock(withHostsBlock(hosts, '10.0.0.1 istiod'))).toBe(hosts);
      },
    ),
  );
});

it('leaves what others added meanwhile', () => {
  const joined = withHostsBlock(before, '10.0.0.1 istiod.istio-system.svc');
  expect(withoutHostsBlock(`${joined}10.0.0.3 db\n`)).toBe(`${before}10.0.0.3 db\n`);
});

it('goes also when someone cut its end off', () => {
  const cut = withHostsBlock(before, '10.0.0.1 istiod').replace('# meshlift end\n', '');
  expect(withoutHostsBlock(cut)).toBe(before);
});
