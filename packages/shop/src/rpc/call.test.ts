import { Client as Channel, credentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { createLog, type Log } from '../process/log.ts';
import { Health } from '../wire/generated/grpc/health/v1/health_pb.js';
import { CartService, CurrencyService } from '../wire/generated/hipstershop/shop_pb.js';
import { connect } from './client.ts';
import { methodDefinition } from './method-definition.ts';
import { invalidArgument, RpcError } from './rpc-error.ts';
import { type Implementation, type RunningServer, serve } from './server.ts';

const lines: string[] = [];
const log: Log = createLog({ service: 'test', level: 'info', write: (line) => lines.push(line) });
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  lines.length = 0;
});

const working: Implementation<typeof CurrencyService> = {
  getSupportedCurrencies: () => ({ currencyCodes: ['EUR'] }),
  convert: ({ from, toCode }) => ({ currencyCode: toCode, units: from?.units ?? 0n, nanos: 7 }),
};

async function start(implementation: Partial<Implementation<typeof CurrencyService>> = {}, port = 0) {
  const server = await serve(
    CurrencyService,
    { ...working, ...implementation },
    { address: `127.0.0.1:${port}`, log },
  );
  closing.push(() => server.stop(100));
  return server;
}

function client(server: Pick<RunningServer, 'port'>, timeoutMs = 2000) {
  const currency = connect(CurrencyService, { address: `127.0.0.1:${server.port}`, log, timeoutMs });
  closing.push(() => currency.close());
  return currency;
}

async function failureOf(call: Promise<unknown>): Promise<RpcError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RpcError)) throw new Error(`expected an RpcError, got ${error}`);
  return error;
}

describe('a call', () => {
  it('carries messages both ways', async () => {
    const { message } = await client(await start()).convert({ from: { units: 5n }, toCode: 'EUR' });
    expect(message).toMatchObject({ currencyCode: 'EUR', units: 5n, nanos: 7 });
  });

  it('carries response metadata with a success and with a failure', async () => {
    const server = await start({
      getSupportedCurrencies: (_request, call) => {
        call.answerWith('x-side', 'vm');
        return { currencyCodes: [] };
      },
      convert: (_request, call) => {
        call.answerWith('x-side', 'k8s');
        throw invalidArgument('no');
      },
    });
    const { headers } = await client(server).getSupportedCurrencies({});
    expect(headers.get('x-side')).toBe('vm');
    const failure = await failureOf(client(server).convert({}));
    expect(failure.headers.get('x-side')).toBe('k8s');
  });

  it('fails with the status and message of the handler’s RpcError', async () => {
    const server = await start({ convert: () => Promise.reject(invalidArgument('what is that?')) });
    const failure = await failureOf(client(server).convert({}));
    expect([failure.codeName, failure.message]).toEqual(['INVALID_ARGUMENT', 'what is that?']);
  });

  it('fails as INTERNAL, without the reason but with a log line, when the handler breaks', async () => {
    const server = await start({ convert: () => Promise.reject(new Error('secret detail')) });
    const failure = await failureOf(client(server).convert({}));
    expect([failure.codeName, failure.message]).toEqual(['INTERNAL', 'internal error']);
    expect(lines.join()).toContain('secret detail');
  });

  it('fails as DEADLINE_EXCEEDED after its timeout, or the caller’s deadline if that is sooner', async () => {
    const server = await start({ convert: () => new Promise(() => {}) });
    expect((await failureOf(client(server, 40).convert({}))).code).toBe(status.DEADLINE_EXCEEDED);
    const soon = { deadline: new Date(Date.now() + 40) };
    expect((await failureOf(client(server, 60_000).convert({}, soon))).code).toBe(status.DEADLINE_EXCEEDED);
  });

  it('is cancelled with its signal, and the handler is told', async () => {
    const cancel = new AbortController();
    const told = Promise.withResolvers<void>();
    const server = await start({
      convert: (_request, call) => {
        call.signal.addEventListener('abort', () => told.resolve());
        cancel.abort();
        return new Promise(() => {});
      },
    });
    const failure = await failureOf(client(server).convert({}, { signal: cancel.signal }));
    expect(failure.code).toBe(status.CANCELLED);
    await told.promise;
  });

  it('passes request ids and tracing headers on, and nothing else', async () => {
    const seen: [string, string][] = [];
    const server = await start({
      convert: (_request, call) => {
        seen.push(...call.propagated);
        return {};
      },
    });
    const propagated = new Map([
      ['x-request-id', 'r-1'],
      ['b3', 't-s-1'],
    ]);
    await client(server).convert({}, { propagated });
    expect(new Map(seen)).toEqual(propagated);
  });

  it('of a method that the server lacks fails as UNIMPLEMENTED', async () => {
    const server = await start();
    const cart = connect(CartService, { address: `127.0.0.1:${server.port}`, log });
    closing.push(() => cart.close());
    expect((await failureOf(cart.getCart({ userId: 'u' }))).code).toBe(status.UNIMPLEMENTED);
  });
});

describe('a client', () => {
  it('calls once and fails at once while nothing listens, and heals by itself', async () => {
    const first = await start();
    const currency = client(first, 10_000);
    await currency.convert({});
    await first.stop(100);
    const started = performance.now();
    expect((await failureOf(currency.convert({}))).code).toBe(status.UNAVAILABLE);
    // Far sooner than the call's own timeout.
    expect(performance.now() - started).toBeLessThan(9000);

    let calls = 0;
    await start({ convert: () => ({ nanos: ++calls }) }, first.port);
    const deadline = Date.now() + 10_000;
    let failed = 0;
    for (;;) {
      const answer = await currency.convert({}).catch(() => undefined);
      if (answer !== undefined) break;
      failed += 1;
      if (Date.now() > deadline) throw new Error('the client did not heal within 10 s');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(calls).toBe(1);
    const messages = lines.map((line) => JSON.parse(line) as { message: string; failedCalls?: number });
    const back = messages.find(({ message }) => message.includes('answers again'));
    expect(back?.failedCalls).toBe(failed + 1);
    expect(messages.filter(({ message }) => message.includes('does not answer'))).toHaveLength(1);
  });

  it('does not repeat a call whose connection breaks', async () => {
    let calls = 0;
    const server = await start({
      convert: () => {
        calls += 1;
        return new Promise(() => {});
      },
    });
    const call = client(server).convert({});
    const failure = failureOf(call);
    while (calls === 0) await new Promise((resolve) => setImmediate(resolve));
    await server.stop(0);
    expect((await failure).code).toBe(status.CANCELLED);
    expect(calls).toBe(1);
  });
});

describe('stopping', () => {
  it('finishes the calls that run', async () => {
    const release = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const server = await start({
      convert: async () => {
        begun.resolve();
        await release.promise;
        return { nanos: 1 };
      },
    });
    const call = client(server).convert({});
    await begun.promise;
    const stopped = server.stop(5000);
    release.resolve();
    expect((await call).message.nanos).toBe(1);
    await stopped;
  });

  it('cuts off what still runs after the grace period', async () => {
    const begun = Promise.withResolvers<void>();
    const server = await start({
      convert: () => {
        begun.resolve();
        return new Promise(() => {});
      },
    });
    const failure = failureOf(client(server).convert({}));
    await begun.promise;
    await server.stop(30);
    expect((await failure).code).toBe(status.CANCELLED);
  });
});

describe('health', () => {
  async function check(server: RunningServer, service: string) {
    const health = connect(Health, { address: `127.0.0.1:${server.port}`, log });
    closing.push(() => health.close());
    return (await health.check({ service })).message.status;
  }

  it('is SERVING for the process and for its service, and unknown for any other', async () => {
    const server = await start();
    expect(await check(server, '')).toBe(1);
    expect(await check(server, 'hipstershop.CurrencyService')).toBe(1);
    expect((await failureOf(check(server, 'hipstershop.AdService'))).code).toBe(status.NOT_FOUND);
  });

  it('is NOT_SERVING when told so', async () => {
    const server = await start();
    server.health.set('NOT_SERVING');
    expect(await check(server, '')).toBe(2);
  });
});

describe('watching health', () => {
  it('is told of every change, and does not hold up a stop', async () => {
    const server = await start();
    const channel = new Channel(`127.0.0.1:${server.port}`, credentials.createInsecure());
    closing.push(() => channel.close());
    const { path, requestSerialize, responseDeserialize } = methodDefinition(Health.method.watch);
    const watch = channel.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {
      service: '',
    });
    const seen: unknown[] = [];
    const ended = Promise.withResolvers<void>();
    const first = Promise.withResolvers<void>();
    watch.on('data', ({ status: health }) => {
      seen.push(health);
      first.resolve();
    });
    watch.on('end', () => ended.resolve());
    await first.promise;
    const stopped = server.stop(60_000);
    await ended.promise;
    await stopped;
    expect(seen).toEqual([1, 2]);
  });
});

describe('listening', () => {
  it('says which address is taken', async () => {
    const server = await start();
    await expect(start({}, server.port)).rejects.toThrow(`cannot listen on 127.0.0.1:${server.port}`);
  });
});
