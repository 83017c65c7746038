import { create, type DescMethod, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { MethodDefinition } from '@grpc/grpc-js';

/**
 * How grpc-js calls or serves one method of a generated service: its path, and its messages as bytes.
 * Fields that this version of the contract does not know are kept, not refused.
 */
export function methodDefinition(method: DescMethod): MethodDefinition<object, object> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    requestSerialize: (message) => bytes(method.input, message),
    requestDeserialize: (buffer) => fromBinary(method.input, buffer),
    responseSerialize: (message) => bytes(method.output, message),
    responseDeserialize: (buffer) => fromBinary(method.output, buffer),
  };
}

function bytes(schema: DescMethod['input'], message: object): Buffer {
  const encoded = toBinary(schema, create(schema, message as MessageInitShape<typeof schema>));
  return Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
}
