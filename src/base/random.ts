import { randomBytes, randomFillSync, randomUUID } from 'node:crypto';

/** Chance as an input: what a seeded run replays exactly. Never the source of keys or tokens. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** An integer in [0, bound). */
  below(bound: number): number;
  /** `count` random bytes. */
  bytes(count: number): Uint8Array;
  /** An RFC 4122 version 4 UUID. */
  uuid(): string;
  /** A suffix for generated names, from upstream's alphabet without vowels and look-alikes (apimachinery rand.String). */
  suffix(length?: number): string;
}

const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

function randomFrom(fill: (bytes: Uint8Array) => void): Random {
  const word = new Uint8Array(8);
  const view = new DataView(word.buffer);
  const self: Random = {
    next() {
      fill(word);
      return (view.getUint32(0) * 2 ** 21 + (view.getUint32(4) >>> 11)) / 2 ** 53;
    },
    below: (bound) => Math.floor(self.next() * bound),
    bytes(count) {
      const out = new Uint8Array(count);
      fill(out);
      return out;
    },
    uuid() {
      const b = self.bytes(16);
      b[6] = (b[6]! & 0x0f) | 0x40;
      b[8] = (b[8]! & 0x3f) | 0x80;
      const hex = Buffer.from(b).toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    },
    suffix(length = 5) {
      let out = '';
      for (let i = 0; i < length; i++) out += suffixAlphabet[self.below(suffixAlphabet.length)];
      return out;
    },
  };
  return self;
}

const pool = randomBytes(8192);
let poolAt = 0;

/** Randomness of the operating system, drawn in blocks because object UIDs are on the write path. */
export const realRandom: Random = {
  ...randomFrom((out) => {
    if (out.length > pool.length) {
      randomFillSync(out);
      return;
    }
    if (poolAt === 0 || poolAt + out.length > pool.length) {
      randomFillSync(pool);
      poolAt = 0;
    }
    out.set(pool.subarray(poolAt, poolAt + out.length));
    poolAt += out.length;
  }),
  uuid: () => randomUUID(),
};

/** A reproducible sequence from a seed (splitmix32). */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  const nextWord = () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  return randomFrom((out) => {
    for (let i = 0; i < out.length; i += 4) {
      const word = nextWord();
      for (let j = 0; j < 4 && i + j < out.length; j++) out[i + j] = (word >>> (8 * j)) & 0xff;
    }
  });
}
