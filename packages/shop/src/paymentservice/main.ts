import { randomUUID } from 'node:crypto';
import { amount, decimal } from '../money/money.ts';
import { listenAddress, run } from '../process/program.ts';
import { invalidArgument } from '../rpc/rpc-error.ts';
import { serve } from '../rpc/server.ts';
import { PaymentService } from '../wire/generated/hipstershop/shop_pb.js';
import { accept } from './card.ts';

run('paymentservice', ({ env, log }) =>
  serve(
    PaymentService,
    {
      charge(request) {
        const due = amount(request.amount);
        if (due.nanos <= 0n) throw invalidArgument(`cannot charge ${decimal(due)} ${due.currency}`);
        const card = request.creditCard;
        if (card === undefined) throw invalidArgument('credit_card is missing');
        const accepted = accept(
          {
            number: card.creditCardNumber,
            cvv: card.creditCardCvv,
            expirationYear: card.creditCardExpirationYear,
            expirationMonth: card.creditCardExpirationMonth,
          },
          new Date(),
        );
        const transactionId = randomUUID();
        log.debug('charged', { transactionId, ...accepted, amount: decimal(due), currency: due.currency });
        return { transactionId };
      },
    },
    { address: listenAddress(env, 50051), log },
  ),
);
