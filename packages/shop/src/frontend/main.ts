import { fileURLToPath } from 'node:url';
import { run } from '../process/program.ts';
import { closeBackends, connectBackends } from './backends/backends.ts';
import { createPrices } from './backends/prices.ts';
import { loadStaticFiles } from './http/static-files.ts';
import { createFrontendServer } from './http-server.ts';

run('frontend', async ({ env, log }) => {
  const files = loadStaticFiles(fileURLToPath(new URL('./static', import.meta.url)));
  const backends = connectBackends(env, log);
  const server = createFrontendServer({ backends, prices: createPrices(backends), files }, log);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(env.port('PORT', 8080), env.text('LISTEN_ADDR', '0.0.0.0'), resolve);
  });
  return {
    async stop(graceMs) {
      await new Promise<void>((resolve) => {
        const cutOff = setTimeout(() => server.closeAllConnections(), graceMs);
        server.close(() => {
          clearTimeout(cutOff);
          resolve();
        });
        server.closeIdleConnections();
      });
      closeBackends(backends);
    },
  };
});
