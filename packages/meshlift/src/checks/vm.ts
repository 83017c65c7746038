import type { Check } from './check.ts';

export const vmChecks: readonly Check[] = [
  {
    id: 'vm-ssh',
    category: 'vm',
    sentence: 'the VM lets us in over ssh, with the host key that is expected, and as root by sudo',
    severity: 'fatal',
    look: async (context) => {
      await context.ssh();
      return null;
    },
  },
];
