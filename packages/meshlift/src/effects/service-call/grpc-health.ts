/** HealthCheckResponse.ServingStatus of grpc/health/v1/health.proto, by number. */
const servingStatus = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;

/** A HealthCheckRequest as gRPC frames it: uncompressed, its length, and field 1, the service's name. */
export function grpcFrame(service: string): Buffer {
  const name = Buffer.from(service, 'utf8');
  if (name.length > 127)
    throw new RangeError(`a name of ${name.length} bytes is too long for a health check`);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.of(0x0a, name.length), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** What a HealthCheckResponse says; null for what is none. A field with its default value, 0, is left out on the wire. */
export function healthOf(body: Buffer): string | null {
  if (body.length < 5 || body[0] !== 0) return null;
  const message = body.subarray(5, 5 + body.readUInt32BE(1));
  if (message.length === 0) return servingStatus[0];
  return message[0] === 0x08 ? (servingStatus[message[1] ?? -1] ?? null) : null;
}
