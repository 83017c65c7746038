import { page, type Reply } from '../http/reply.ts';
import type { Frame } from '../pages/layout.ts';
import { type Message, messagePage } from '../pages/message-page.ts';

/** Seconds after which a page that lacks its main content may be asked for again. */
const COME_BACK_AFTER = '5';

/** 503 for a page that lacks its main content. It loads itself again until it has it. */
export function unavailable(frame: Frame, message: Message): Reply {
  return page(503, messagePage(frame, message), { 'retry-after': COME_BACK_AFTER, refresh: COME_BACK_AFTER });
}

/** 503 for something that was to be done and could not be. It must not be sent again by itself. */
export function notDone(frame: Frame, message: Message): Reply {
  return page(503, messagePage(frame, message), { 'retry-after': COME_BACK_AFTER });
}

/** 503 for a page that would show products. */
export function withoutCatalog(frame: Frame): Reply {
  return unavailable(frame, {
    title: 'Our catalog is away',
    paragraphs: [
      'The product catalog does not answer right now, so we have nothing to show you. Your cart is safe.',
      'This page looks again every few seconds and comes back by itself.',
    ],
    tryAgain: frame.path,
  });
}
