import { listenAddress, run } from '../process/program.ts';
import { invalidArgument } from '../rpc/rpc-error.ts';
import { serve } from '../rpc/server.ts';
import { EmailService } from '../wire/generated/hipstershop/shop_pb.js';
import { confirmation } from './confirmation.ts';
import { isEmailAddress } from './email-address.ts';

/**
 * Composes confirmations. The shop has no mail server: its outbox is the log, and only with LOG_LEVEL=debug,
 * because a mail holds the customer's address.
 */
run('emailservice', ({ env, log }) =>
  serve(
    EmailService,
    {
      sendOrderConfirmation({ email, order }) {
        if (!isEmailAddress(email)) throw invalidArgument(`"${email}" is not an email address`);
        if (order === undefined) throw invalidArgument('order is missing: nothing to confirm');
        const mail = confirmation(email, order);
        log.debug('mail', { ...mail });
        return {};
      },
    },
    { address: listenAddress(env, 8080), log },
  ),
);
