import type { Check } from './check.ts';
import { clusterChecks } from './clusters.ts';
import { meshChecks } from './mesh.ts';
import { trafficChecks } from './traffic.ts';
import { vmChecks } from './vm.ts';
import { workloadChecks } from './workload.ts';

/** Every check, in the order in which people read them. */
export const allChecks: readonly Check[] = [
  ...clusterChecks,
  ...meshChecks,
  ...vmChecks,
  ...workloadChecks,
  ...trafficChecks,
];
