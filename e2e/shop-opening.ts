import { join } from 'node:path';
import { openHome } from '../demo/src/shop.ts';
import { root, type Scenario } from './scenario.ts';

/** Seconds from the beginning of `kubectl apply`. */
export interface Opening {
  /** when kubectl had written everything */
  readonly applied: number;
  /** when a customer first saw a whole home page */
  readonly firstPage: number;
  /** when every Deployment of both clusters was available */
  readonly available: number;
}

/** The catalog runs on the VM, and is in the mesh, before the shop comes; joining it takes the names that callers use. */
export async function catalogInMesh(scenario: Scenario): Promise<void> {
  const { stage } = scenario;
  const services = join(root, 'packages/shop/manifests/services');
  await Promise.all([
    scenario.catalogOnVm(),
    ...stage.lab.clusters.map(({ context }) =>
      stage.kubectl(context, ['apply', '--server-side', '-k', services]),
    ),
  ]);
  const joined = await scenario.meshlift(await scenario.migration(), 'vm', 'join');
  if (joined.exitCode !== 0) throw new Error(`the VM did not join:\n${scenario.log.join('\n')}`);
}

/** Applies the shop in both clusters of a running lab whose catalog is in the mesh; resolves once all of it runs. */
export async function openShop(scenario: Scenario): Promise<Opening> {
  const { stage } = scenario;
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  await scenario.shopInClusters();
  const applied = seconds();
  await scenario.until(
    'a whole home page',
    async () => {
      const page = await openHome(stage).catch(() => null);
      return page?.status === 200 && page.products === 12 ? page : null;
    },
    120_000,
  );
  const firstPage = seconds();
  await Promise.all(
    stage.lab.clusters.map(({ context }) =>
      stage.kubectl(context, ['wait', 'deployment', '--all', '--for=condition=Available', '--timeout=120s']),
    ),
  );
  return { applied, firstPage, available: seconds() };
}
