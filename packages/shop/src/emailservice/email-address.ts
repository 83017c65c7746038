/** Whether mail could be sent there at all: something, an @, something, and no spaces. */
export function isEmailAddress(text: string): boolean {
  return /^[^\s@]+@[^\s@]+$/.test(text);
}
