/** Addresses for simulated pods: each in use once. */
export class AddressPool {
  readonly #base: number;
  readonly #size: number;
  readonly #byOwner = new Map<string, string>();
  readonly #used = new Set<string>();
  #next = 2;

  /** @param cidr an IPv4 network; the first addresses of it are left to gateways */
  constructor(cidr: string) {
    const [address, bits] = cidr.split('/');
    const [a, b, c, d] = address!.split('.').map(Number);
    this.#base = ((a! << 24) | (b! << 16) | (c! << 8) | d!) >>> 0;
    this.#size = 2 ** (32 - Number(bits));
  }

  /** The owner's address; a free one on first call. Throws when none is left. */
  assign(owner: string): string {
    const known = this.#byOwner.get(owner);
    if (known) return known;
    for (let tried = 0; tried < this.#size; tried++) {
      const value = this.#base + this.#next;
      this.#next = this.#next + 1 >= this.#size - 1 ? 2 : this.#next + 1;
      const address = `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
      if (this.#used.has(address)) continue;
      this.take(owner, address);
      return address;
    }
    throw new Error(`all ${this.#size} addresses for simulated pods are in use; give a wider pod network`);
  }

  /** Notes an address that an owner has already. */
  take(owner: string, address: string): void {
    this.#byOwner.set(owner, address);
    this.#used.add(address);
  }

  release(owner: string): void {
    const address = this.#byOwner.get(owner);
    if (address === undefined) return;
    this.#byOwner.delete(owner);
    this.#used.delete(address);
  }
}
