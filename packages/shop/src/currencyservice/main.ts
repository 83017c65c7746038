import { amount, wireMoney } from '../money/money.ts';
import { listenAddress, run } from '../process/program.ts';
import { serve } from '../rpc/server.ts';
import { CurrencyService } from '../wire/generated/hipstershop/shop_pb.js';
import { createExchange } from './exchange.ts';
import rates from './rates.json' with { type: 'json' };

run('currencyservice', ({ env, log }) => {
  const exchange = createExchange(rates);
  return serve(
    CurrencyService,
    {
      getSupportedCurrencies: () => ({ currencyCodes: [...exchange.currencies] }),
      convert: ({ from, toCode }) => wireMoney(exchange.convert(amount(from), toCode)),
    },
    { address: listenAddress(env, 7000), log },
  );
});
