/** An IPv4 range, e.g. `10.21.0.0/16`. */
export interface Ipv4Range {
  readonly first: number;
  readonly size: number;
}

/** @throws RangeError when the text is not an IPv4 range in CIDR notation */
export function parseRange(cidr: string): Ipv4Range {
  const [address = '', bits = ''] = cidr.split('/');
  const prefix = Number(bits);
  if (!/^\d{1,2}$/.test(bits) || prefix > 32)
    throw new RangeError(`"${cidr}" is not an IPv4 range such as 10.21.0.0/16`);
  const size = 2 ** (32 - prefix);
  const start = parseAddress(address);
  return { first: start - (start % size), size };
}

export function parseAddress(address: string): number {
  const parts = address.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) {
    throw new RangeError(`"${address}" is not an IPv4 address`);
  }
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/**
 * Gives out a pod range's addresses. The network's own address, the machine's (the first after it) and
 * the broadcast address are never given. An address that was released is given again last of all, so
 * that nobody talks to a new pod who means the one before.
 */
export class AddressPool {
  readonly #range: Ipv4Range;
  readonly #taken = new Set<number>();
  #last: number;

  constructor(cidr: string, taken: Iterable<string> = []) {
    this.#range = parseRange(cidr);
    for (const address of taken) this.#taken.add(parseAddress(address));
    this.#last = Math.max(this.#range.first + 1, ...this.#taken);
  }

  /** The machine's own address in the range: the pods' gateway. */
  get gateway(): string {
    return formatAddress(this.#range.first + 1);
  }

  /** @throws RangeError when every address is taken */
  take(): string {
    const { first, size } = this.#range;
    const lowest = first + 2;
    const highest = first + size - 2;
    for (let tried = 0; tried < highest - lowest + 1; tried += 1) {
      this.#last = this.#last >= highest || this.#last < lowest ? lowest : this.#last + 1;
      if (this.#taken.has(this.#last)) continue;
      this.#taken.add(this.#last);
      return formatAddress(this.#last);
    }
    throw new RangeError(`all ${this.#taken.size} pod addresses of ${formatAddress(first)} are taken`);
  }

  release(address: string): void {
    this.#taken.delete(parseAddress(address));
  }
}
