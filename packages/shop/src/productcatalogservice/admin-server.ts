import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Log } from '../process/log.ts';
import type { Health } from '../rpc/health.ts';
import { type Faults, NO_FAULTS, readFaultPlan } from './faults.ts';

/**
 * Changes how this copy behaves while it runs. Only there when ADMIN_PORT is set.
 * GET, PUT (a part of a plan) and DELETE `/faults`; PUT `/health/serving` and `/health/not-serving`.
 */
export async function startAdminServer(
  { faults, health, log }: { faults: Faults; health: Health; log: Log },
  { host, port }: { host: string; port: number },
): Promise<Server> {
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
    };
    try {
      switch (`${request.method} ${request.url}`) {
        case 'GET /faults':
          break;
        case 'PUT /faults':
          faults.plan = readFaultPlan(JSON.parse(await body(request)), faults.plan);
          log.warning('the fault plan was changed', { ...faults.plan });
          break;
        case 'DELETE /faults':
          faults.plan = NO_FAULTS;
          log.info('the fault plan was cleared');
          break;
        case 'PUT /health/serving':
          health.set('SERVING');
          break;
        case 'PUT /health/not-serving':
          health.set('NOT_SERVING');
          break;
        default:
          answer(404, { error: 'expected GET, PUT or DELETE /faults, or PUT /health/{serving,not-serving}' });
          return;
      }
      answer(200, { ...faults.plan, serving: health.serving });
    } catch (error) {
      answer(400, { error: error instanceof Error ? error.message : String(error) });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > 10_000) throw new Error('the body is larger than a fault plan can be');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
