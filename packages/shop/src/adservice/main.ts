import { listenAddress, run } from '../process/program.ts';
import { serve } from '../rpc/server.ts';
import { AdService } from '../wire/generated/hipstershop/shop_pb.js';
import ads from './ads.json' with { type: 'json' };
import { choose } from './choose.ts';

run('adservice', ({ env, log }) =>
  serve(
    AdService,
    { getAds: ({ contextKeys }) => ({ ads: choose(ads, contextKeys, Math.random) }) },
    { address: listenAddress(env, 9555), log },
  ),
);
