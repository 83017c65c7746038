/** A container that asks for something that does not exist or does not fit together; the message is for the pod's owner. */
export class InvalidContainerError extends Error {
  override readonly name = 'InvalidContainerError';
}
