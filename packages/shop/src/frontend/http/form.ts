import type { IncomingMessage } from 'node:http';

const MAX_FORM_BYTES = 20_000;

/** What the browser sent cannot be used; the message can be shown. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
}

/** Reads a submitted form. Rejects with {@link BadRequest} when it is too large or not a form. */
export async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('application/x-www-form-urlencoded')) {
    throw new BadRequest(`This page takes forms, not ${type === '' ? 'nothing' : type}.`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_FORM_BYTES) throw new BadRequest('That form is too large.');
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}
