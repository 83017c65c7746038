import { hostname } from 'node:os';
import { SERVED_AT_HEADER, SERVED_BY_HEADERS, type ServedBy } from '../catalog-calls/served-by.ts';
import { listenAddress, run } from '../process/program.ts';
import { type IncomingCall, serve } from '../rpc/server.ts';
import { ProductCatalogService } from '../wire/generated/hipstershop/shop_pb.js';
import { startAdminServer } from './admin-server.ts';
import { readCatalog } from './catalog.ts';
import { Faults, readFaultPlan } from './faults.ts';
import products from './products.json' with { type: 'json' };

run('productcatalogservice', async ({ env, log }) => {
  const catalog = readCatalog(products);
  const faults = new Faults(
    readFaultPlan(
      {
        errorRate: env.number('FAULT_ERROR_RATE', 0, { max: 1 }),
        errorStatus: env.text('FAULT_ERROR_STATUS', 'INTERNAL'),
        latencyMs: env.durationMs('FAULT_LATENCY', env.durationMs('EXTRA_LATENCY', 0)),
      },
      { errorRate: 0, errorStatus: 'INTERNAL', latencyMs: 0 },
    ),
  );
  const copy: ServedBy = {
    side: env.text('SERVED_BY_SIDE', 'unknown'),
    host: hostname(),
    cluster: env.text('SERVED_BY_CLUSTER', 'unknown'),
  };
  const answering = async <T>(call: IncomingCall, find: () => T): Promise<T> => {
    call.answerWith(SERVED_AT_HEADER, String(Date.now()));
    call.answerWith(SERVED_BY_HEADERS.side, copy.side);
    call.answerWith(SERVED_BY_HEADERS.host, copy.host);
    call.answerWith(SERVED_BY_HEADERS.cluster, copy.cluster);
    await faults.strike();
    return find();
  };
  const server = await serve(
    ProductCatalogService,
    {
      listProducts: (_request, call) => answering(call, () => ({ products: [...catalog.products] })),
      getProduct: ({ id }, call) => answering(call, () => catalog.get(id)),
      searchProducts: ({ query }, call) => answering(call, () => ({ results: [...catalog.search(query)] })),
    },
    { address: listenAddress(env, 3550), log },
  );
  log.info('serving the catalog', { ...copy, products: catalog.products.length });
  const adminPort = env.port('ADMIN_PORT', 0);
  const admin =
    adminPort === 0
      ? undefined
      : await startAdminServer(
          { faults, health: server.health, log },
          { host: env.text('ADMIN_LISTEN_ADDR', '0.0.0.0'), port: adminPort },
        );
  return {
    async stop(graceMs) {
      admin?.close();
      await server.stop(graceMs);
    },
  };
});
