/** Colours for a terminal that has them, and the very same text for everything else. */
export interface Paint {
  good(text: string): string;
  bad(text: string): string;
  faint(text: string): string;
  strong(text: string): string;
}

const plain = (text: string) => text;
const styled = (on: number, off: number) => (text: string) => `\u001B[${on}m${text}\u001B[${off}m`;

export function paint(color: boolean): Paint {
  if (!color) return { good: plain, bad: plain, faint: plain, strong: plain };
  return { good: styled(32, 39), bad: styled(31, 39), faint: styled(2, 22), strong: styled(1, 22) };
}
