/** Which representation a client accepts. */
import { StatusError } from '../../api/machinery/status.ts';

export interface Representation {
  readonly format: 'json' | 'yaml' | 'protobuf';
  /** Another kind to show the object as. */
  readonly as: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList' | undefined;
}

export const contentTypes = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
} as const;

const json: Representation = { format: 'json', as: undefined };

interface Range {
  readonly type: string;
  readonly quality: number;
  readonly parameters: ReadonlyMap<string, string>;
}

const parsed = new Map<string, readonly Range[]>();
const maxRemembered = 256;

/** Clients send few different headers: parsed ones are remembered. */
function rangesOf(accept: string): readonly Range[] {
  const known = parsed.get(accept);
  if (known) return known;
  const ranges = accept
    .split(',')
    .map(parseRange)
    .filter((range) => range.quality > 0)
    .sort((a, b) => b.quality - a.quality);
  if (parsed.size >= maxRemembered) parsed.clear();
  parsed.set(accept, ranges);
  return ranges;
}

function parseRange(text: string): Range {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim());
  const parameters = new Map<string, string>();
  for (const part of rest) {
    const equals = part.indexOf('=');
    if (equals > 0) parameters.set(part.slice(0, equals).toLowerCase(), part.slice(equals + 1));
  }
  const quality = Number(parameters.get('q') ?? '1');
  return { type: type.toLowerCase(), quality: Number.isNaN(quality) ? 1 : quality, parameters };
}

export interface Offer {
  /** Custom resources and tables have no protobuf form. */
  readonly protobuf: boolean;
  /** The answer is objects that can be shown as tables or by their metadata. */
  readonly transforms: boolean;
}

/** The best representation that is accepted; throws 406. */
export function negotiate(accept: string | undefined, offer: Offer): Representation {
  if (accept === undefined || accept === '' || accept === '*/*' || accept === 'application/json') return json;
  for (const range of rangesOf(accept)) {
    const format = formatOf(range.type, offer);
    if (!format) continue;
    const as = range.parameters.get('as');
    if (as === undefined) return format === 'json' ? json : { format, as: undefined };
    if (!offer.transforms || !isTransform(as, range, format)) continue;
    return { format, as };
  }
  throw notAcceptable(offer);
}

function isTransform(as: string, range: Range, format: string): as is NonNullable<Representation['as']> {
  if (range.parameters.get('g') !== 'meta.k8s.io') return false;
  const version = range.parameters.get('v');
  if (version !== 'v1' && version !== 'v1beta1') return false;
  if (as === 'Table') return format !== 'protobuf';
  return as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList';
}

function formatOf(type: string, offer: Offer): Representation['format'] | undefined {
  switch (type) {
    case 'application/json':
    case 'application/*':
    case '*/*':
      return 'json';
    case 'application/yaml':
      return 'yaml';
    case 'application/vnd.kubernetes.protobuf':
      return offer.protobuf ? 'protobuf' : undefined;
    default:
      return undefined;
  }
}

function notAcceptable(offer: Offer): StatusError {
  const types = [contentTypes.json, contentTypes.yaml, ...(offer.protobuf ? [contentTypes.protobuf] : [])];
  return new StatusError('NotAcceptable', `only the following media types are accepted: ${types.join(', ')}`);
}
