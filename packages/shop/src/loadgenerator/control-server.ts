import { createServer, type Server } from 'node:http';
import type { Ledger } from './ledger.ts';
import { metrics } from './metrics.ts';
import type { Traffic } from './traffic.ts';

/** Longer than an API server, which hands questions on, keeps a connection that nobody uses: it may not find it closed. */
const IDLE_CONNECTION_MS = 120_000;

/**
 * What the load generator tells and takes: GET `/stats`, GET `/stats?since=MARK`, POST `/marks` → `{"id": MARK}`,
 * POST `/pause` and `/resume` (once `pending` is 0 after a pause, every request is counted), GET `/metrics`, GET `/healthz`, and GET `/readyz`, which answers 503 until every way into the shop succeeded once.
 */
export function createControlServer(ledger: Ledger, traffic: Traffic): Server {
  return createServer({ keepAliveTimeout: IDLE_CONNECTION_MS }, (request, response) => {
    const url = new URL(request.url ?? '/', 'http://loadgenerator');
    const json = (status: number, body: object): void => {
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(`${JSON.stringify(body, null, 2)}\n`);
    };
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /stats': {
        const since = url.searchParams.get('since');
        const stats = ledger.stats(since);
        if (stats === undefined) json(404, { error: `no mark ${since}: POST /marks makes one` });
        else json(200, stats);
        return;
      }
      case 'POST /marks':
        json(201, { id: ledger.mark() });
        return;
      case 'POST /pause':
        traffic.pause();
        json(200, { paused: true });
        return;
      case 'POST /resume':
        if (ledger.started) traffic.resume();
        json(ledger.started ? 200 : 409, { paused: !ledger.started });
        return;
      case 'GET /metrics':
        response
          .writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
          .end(metrics(ledger));
        return;
      case 'GET /healthz':
        json(200, { state: 'alive' });
        return;
      case 'GET /readyz':
        json(ledger.started ? 200 : 503, {
          state: ledger.started ? 'running' : 'waiting for the shop’s home page',
        });
        return;
      default:
        json(404, {
          error:
            'expected GET /stats, POST /marks, POST /pause, POST /resume, GET /metrics, GET /healthz or GET /readyz',
        });
    }
  });
}
