import { Node } from '../api/core/node.ts';
import type { Shared } from '../api/kind.ts';
import { isNotFound } from '../api/machinery/status.ts';
import { type ControllerContext, defineController } from '../client/reconcile.ts';
import { allow, recordEvents } from './rbac-rules.ts';

/** As upstream's --node-cidr-mask-size-ipv4 and -ipv6. */
const defaultMask = { 4: 24, 6: 64 } as const;
const waitForRoomMs = 60_000;

interface Range {
  readonly version: 4 | 6;
  readonly base: bigint;
  /** Length of a node's prefix. */
  readonly mask: number;
  /** How many node ranges there are. */
  readonly size: number;
  readonly used: Map<number, string>;
}

const states = new WeakMap<ControllerContext, readonly Range[]>();

/** Gives every node a range of its own out of the cluster's pod range. Without a pod range it does nothing. */
export const nodeIpamController = defineController<Node>({
  name: 'node-ipam-controller',
  for: Node,
  // Two nodes must not be given the same range.
  concurrency: 1,
  rbac: [allow('get list watch update patch', '', 'nodes'), recordEvents],
  start(context) {
    const { settings, informers } = context;
    const ranges = parseRanges(settings.podCidr, {
      4: Number(settings['nodeCidrMaskSize'] ?? defaultMask[4]),
      6: Number(settings['nodeCidrMaskSizeIPv6'] ?? defaultMask[6]),
    });
    states.set(context, ranges);
    const occupy = (node: Shared<Node>) => {
      for (const cidr of cidrsOf(node)) for (const range of ranges) occupyRange(range, cidr, node.metadata.name);
    };
    return informers.informer(Node).addHandler({
      onAdd: occupy,
      onUpdate: occupy,
      onDelete(node) {
        for (const range of ranges) free(range, node.metadata.name);
      },
    });
  },
  async reconcile(key, context) {
    const ranges = states.get(context)!;
    const node = context.lister(Node).byKey(key);
    if (!node || ranges.length === 0 || cidrsOf(node).length > 0) return undefined;
    const podCIDRs: string[] = [];
    for (const range of ranges) {
      const index = ownOrFree(range, key);
      if (index === undefined) {
        const message = `Node ${key} status is now: CIDRNotAvailable`;
        context.events.event(node, 'Normal', 'CIDRNotAvailable', message);
        return { requeueAfterMs: waitForRoomMs };
      }
      range.used.set(index, key);
      podCIDRs.push(cidrAt(range, index));
    }
    try {
      await context.client.patch(Node, node.metadata, { spec: { podCIDR: podCIDRs[0], podCIDRs } }, { type: 'merge' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // Its going was seen before the ranges were marked.
      for (const range of ranges) free(range, key);
    }
    return undefined;
  },
});

function free({ used }: Range, node: string): void {
  for (const [index, holder] of used) if (holder === node) used.delete(index);
}

const cidrsOf = (node: Shared<Node>): readonly string[] =>
  node.spec.podCIDRs ?? (node.spec.podCIDR ? [node.spec.podCIDR] : []);

function ownOrFree(range: Range, node: string): number | undefined {
  for (const [index, holder] of range.used) if (holder === node) return index;
  for (let index = 0; index < range.size; index++) if (!range.used.has(index)) return index;
  return undefined;
}

function occupyRange(range: Range, cidr: string, node: string): void {
  const parsed = parseCidr(cidr);
  if (!parsed || parsed.version !== range.version) return;
  const bits = range.version === 4 ? 32 : 128;
  const index = Number((parsed.base - range.base) >> BigInt(bits - range.mask));
  if (index >= 0 && index < range.size) range.used.set(index, node);
}

/** The ranges of a setting such as `10.244.0.0/16` or `10.244.0.0/16,fd00::/48`. */
export function parseRanges(text: string | undefined, masks: Readonly<Record<4 | 6, number>>): readonly Range[] {
  const ranges: Range[] = [];
  for (const part of (text ?? '').split(',')) {
    const cidr = parseCidr(part.trim());
    if (!cidr) continue;
    const mask = Math.max(cidr.prefix, masks[cidr.version]);
    ranges.push({
      version: cidr.version,
      base: cidr.base,
      mask,
      size: 2 ** Math.min(16, mask - cidr.prefix),
      used: new Map(),
    });
  }
  return ranges;
}

/** The nth node range. */
export function cidrAt(range: Pick<Range, 'version' | 'base' | 'mask'>, index: number): string {
  const bits = range.version === 4 ? 32 : 128;
  const address = range.base + (BigInt(index) << BigInt(bits - range.mask));
  return `${range.version === 4 ? formatIPv4(address) : formatIPv6(address)}/${range.mask}`;
}

function parseCidr(text: string): { version: 4 | 6; base: bigint; prefix: number } | undefined {
  const [address = '', prefixText = ''] = text.split('/');
  if (!/^\d+$/.test(prefixText)) return undefined;
  const version = address.includes(':') ? 6 : 4;
  const value = version === 4 ? parseIPv4(address) : parseIPv6(address);
  const bits = version === 4 ? 32 : 128;
  const prefix = Number(prefixText);
  if (value === undefined || prefix > bits) return undefined;
  const shift = BigInt(bits - prefix);
  return { version, base: (value >> shift) << shift, prefix };
}

function parseIPv4(text: string): bigint | undefined {
  const parts = text.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function parseIPv6(text: string): bigint | undefined {
  const [head = '', tail] = text.split('::');
  const words = (part: string) => (part ? part.split(':') : []);
  const left = words(head);
  const right = tail === undefined ? [] : words(tail);
  const gap = 8 - left.length - right.length;
  if (tail === undefined ? left.length !== 8 : gap < 0) return undefined;
  const all = [...left, ...new Array(tail === undefined ? 0 : gap).fill('0'), ...right];
  if (all.some((word) => !/^[0-9a-f]{1,4}$/i.test(word))) return undefined;
  return all.reduce((value, word) => (value << 16n) | BigInt(`0x${word}`), 0n);
}

const formatIPv4 = (value: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');

/** With the longest run of zeros shortened, as RFC 5952 asks for. */
function formatIPv6(value: bigint): string {
  const words = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const runs = [...words.join(':').matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length);
  const longest = runs[0];
  if (!longest) return words.join(':');
  const text = words.join(':');
  const before = text.slice(0, longest.index);
  const after = text.slice(longest.index + longest[0].length).replace(/^:/, '');
  return `${before}::${after}`;
}
