import { describe } from 'vitest';
import { openCluster } from './real.ts';
import { describeKubeWriter } from './writer.contract.ts';

/** `MESHLIFT_TEST_CONTEXT=cluster1 KUBECONFIG=… npx vitest run real-cluster` runs it against a cluster of yours. */
const context = process.env.MESHLIFT_TEST_CONTEXT;

describe.runIf(context)('a real API server', () => {
  describeKubeWriter(`context ${context}`, () => openCluster({ name: 'cluster1', context: context ?? '' }));
});
