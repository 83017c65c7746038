import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { run } from '../process/program.ts';
import { closeBackends, connectBackends } from './backends/backends.ts';
import { createPrices } from './backends/prices.ts';
import { loadStaticFiles } from './http/static-files.ts';
import { createFrontendServer } from './http-server.ts';

/** For how long a stopping frontend goes on answering before it closes the connections on which nothing happens. */
const LINGER_MS = 500;

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
      // A request may be on its way on a connection that looks idle: it is answered too, and told to be the last one there.
      server.prependListener('request', (_request, response) => response.setHeader('connection', 'close'));
      await delay(Math.min(LINGER_MS, graceMs / 2));
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
