/** From a query's bytes to an answer's bytes. Answers about the cluster are kept encoded until an object changes. */
import { decode } from 'dns-packet';
import { type ClusterRecords, type Lookup, ttls } from './cluster-records.ts';
import type { Upstream } from './upstream.ts';
import {
  type DnsAnswer,
  type DnsQuery,
  type DnsRecord,
  encodeAnswer,
  encodeError,
  parseQuery,
  rcodes,
  recordTypes,
} from './wire.ts';

/** How the client reached us: it decides how long an answer may be. */
export type DnsTransport = 'udp' | 'tcp';

/** Answers queries. */
export interface Responder {
  /** The answer, at once where it is about the cluster; undefined where nothing is to be sent. */
  respond(message: Buffer, transport: DnsTransport): Buffer | undefined | Promise<Buffer | undefined>;
  /** Objects changed: encoded answers are out of date. */
  invalidate(): void;
}

interface Kept {
  /** The same answer with its addresses in different orders. */
  readonly variants: readonly Buffer[];
  next: number;
}

const keptAnswers = 20_000;
const variantsOfAnswer = 8;

/** A responder for the records of a cluster that passes other names upstream. */
export function createResponder(records: ClusterRecords, upstream: Upstream): Responder {
  const cache = new Map<string, Kept>();
  let serial = 1;

  const keep = (key: string, query: DnsQuery, answer: DnsAnswer, limit: number): Buffer => {
    const count = Math.min(answer.answers.length, variantsOfAnswer) || 1;
    const variants: Buffer[] = [];
    for (let turn = 0; turn < count; turn++) {
      const answers = [...answer.answers.slice(turn), ...answer.answers.slice(0, turn)];
      variants.push(encodeAnswer(query, { ...answer, answers }, limit));
    }
    // Clients with random EDNS cookies must not fill the memory.
    if (cache.size >= keptAnswers) cache.clear();
    cache.set(key, { variants, next: 1 % count });
    return variants[0]!;
  };

  const negative = (rcode: number): DnsAnswer => ({
    rcode,
    authoritative: true,
    answers: [],
    authority: [records.soa(serial)],
  });

  const answerOf = (found: Extract<Lookup, { kind: 'found' | 'missing' }>, query: DnsQuery): DnsAnswer => {
    if (found.kind === 'missing') return negative(rcodes.nameError);
    const wanted = (record: DnsRecord) => recordTypes[record.type] === query.type || query.type === recordTypes.ANY;
    const answers = found.records.filter(wanted);
    if (answers.length === 0) return negative(rcodes.noError);
    const additional = answers.some(({ type }) => type === 'SRV') ? (found.additional ?? []) : [];
    return { rcode: rcodes.noError, authoritative: true, answers, additional };
  };

  return {
    invalidate() {
      cache.clear();
      serial = (serial + 1) >>> 0;
    },
    respond(message, transport) {
      // Everything but the id decides the answer.
      const key = `${transport}${message.toString('latin1', 2)}`;
      const kept = cache.get(key);
      if (kept) {
        const answer = Buffer.from(kept.variants[kept.next]!);
        kept.next = (kept.next + 1) % kept.variants.length;
        answer[0] = message[0]!;
        answer[1] = message[1]!;
        return answer;
      }
      const parsed = parseQuery(message);
      if ('error' in parsed) return parsed.error && encodeError(parsed.error);
      const { query } = parsed;
      const limit = transport === 'tcp' ? 65_535 : Math.max(512, Math.min(query.edns?.payloadSize ?? 512, 4096));
      if (query.class !== 1) return encodeAnswer(query, refused, limit);
      const name = query.name.toLowerCase();
      if (query.type === recordTypes.SOA) {
        const soa = records.soa(serial);
        if (name === soa.name) return encodeAnswer(query, { rcode: 0, authoritative: true, answers: [soa] }, limit);
      }
      const found = records.lookup(name);
      if (found.kind === 'foreign') return passOn(message, query, { upstream, transport, limit });
      if (found.kind === 'alias') return followAlias(found, query, { upstream, records, limit });
      return keep(key, query, answerOf(found, query), limit);
    },
  };
}

const refused: DnsAnswer = { rcode: rcodes.refused, authoritative: false, answers: [] };
const failed: DnsAnswer = { rcode: rcodes.serverFailure, authoritative: false, answers: [] };

async function passOn(
  message: Buffer,
  query: DnsQuery,
  { upstream, transport, limit }: { upstream: Upstream; transport: DnsTransport; limit: number },
): Promise<Buffer> {
  return (await upstream.ask(message, transport)) ?? encodeAnswer(query, failed, limit);
}

/** The alias itself, and what its target has: in the cluster, or upstream. */
async function followAlias(
  { record, target }: Extract<Lookup, { kind: 'alias' }>,
  query: DnsQuery,
  { upstream, records, limit }: { upstream: Upstream; records: ClusterRecords; limit: number },
): Promise<Buffer> {
  const answers: DnsRecord[] = [record];
  if (query.type === recordTypes.A || query.type === recordTypes.AAAA) {
    const type = query.type === recordTypes.A ? 'A' : 'AAAA';
    const inside = records.lookup(target);
    if (inside.kind === 'found') answers.push(...inside.records.filter((found) => found.type === type));
    else if (inside.kind === 'foreign') answers.push(...(await addressesUpstream(target, type, upstream)));
  }
  return encodeAnswer(query, { rcode: rcodes.noError, authoritative: true, answers }, limit);
}

async function addressesUpstream(target: string, type: 'A' | 'AAAA', upstream: Upstream): Promise<DnsRecord[]> {
  const answer = await upstream.ask(questionFor(target, type), 'udp');
  if (!answer) return [];
  try {
    return (decode(answer).answers ?? []).flatMap((record): DnsRecord[] => {
      const { name, ttl = ttls.answer } = record;
      if (record.type === 'A' || record.type === 'AAAA')
        return [{ name, ttl, type: record.type, address: String(record.data) }];
      if (record.type === 'CNAME') return [{ name, ttl, type: 'CNAME', target: String(record.data) }];
      return [];
    });
  } catch {
    // An answer that cannot be read is no answer.
    return [];
  }
}

function questionFor(name: string, type: 'A' | 'AAAA'): Buffer {
  const labels = name.split('.').map((label) => {
    const bytes = Buffer.from(label, 'latin1');
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  });
  const header = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, recordTypes[type], 0, 1])]);
}
