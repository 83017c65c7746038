import type { Health } from './observation.ts';

/** Known not to serve; what is unknown may well serve, and is the way back that is left when its cluster is cut off. */
export function isDown(vm: Health): boolean {
  return vm.is === 'unhealthy' || vm.is === 'absent';
}

/** What is wrong with a side, as a clause: `the VM is not there`. */
export function healthProblem(name: string, health: Health): string {
  switch (health.is) {
    case 'healthy':
      return `${name} is healthy`;
    case 'absent':
      return `${name} is not there`;
    case 'unhealthy':
      return `${name} is not healthy: ${health.why}`;
    case 'unknown':
      return `it is not known whether ${name} is healthy: ${health.why}`;
  }
}
