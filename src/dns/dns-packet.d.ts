/** The part of dns-packet that is used here; the package has no types of its own. */
declare module 'dns-packet' {
  interface Record {
    readonly type: string;
    readonly name: string;
    readonly ttl?: number;
    readonly data: unknown;
  }
  interface Packet {
    readonly id: number;
    readonly type: 'query' | 'response';
    readonly rcode: string;
    readonly flag_aa: boolean;
    readonly flag_tc: boolean;
    readonly flag_ra: boolean;
    readonly questions: readonly { readonly name: string; readonly type: string }[];
    readonly answers: readonly Record[];
    readonly authorities: readonly Record[];
    readonly additionals: readonly Record[];
  }
  export const RECURSION_DESIRED: number;
  export function encode(packet: object): Buffer;
  export function decode(buffer: Buffer): Packet;
}
