/** Answers and watch frames in protobuf; each object's message is made once and kept beside its bytes. */
import type { AnyKind, KubeObject, Shared } from '../../api/kind.ts';
import {
  encodeListProtobuf,
  encodeMessage,
  encodeProtobuf,
  encodeStatusProtobuf,
  encodeWatchFrame,
  wrapMessage,
} from '../../api/machinery/protobuf.ts';
import type { Status } from '../../api/machinery/status.ts';
import { structSchema } from '../../api/schema/schema.ts';
import type { Entry } from '../registry/resource.ts';
import type { Answer, ListAnswer } from '../verbs/call.ts';
import { listMeta, metadataOf } from './transforms.ts';

const metaVersion = 'meta.k8s.io/v1';
const slot = 'protobuf';

function messageOf(entry: Entry, kind: AnyKind): Uint8Array {
  const known = entry.encodings.get(slot) as Uint8Array | undefined;
  if (known) return known;
  const message = encodeMessage(kind.struct, entry.object);
  entry.encodings.set(slot, message);
  return message;
}

/** Answers that are no kind's: where their schemas are. */
const looseStructs: Readonly<Record<string, string>> = {
  'autoscaling/v1 Scale': 'autoscaling/v1.Scale',
  'authentication.k8s.io/v1 TokenRequest': 'authentication/v1.TokenRequest',
};

/** undefined where there is no protobuf form: the client gets JSON. */
export function answerProtobuf(answer: Answer, kind: AnyKind | undefined): Uint8Array | undefined {
  if (answer.entry && kind) return wrapMessage(kind, messageOf(answer.entry, kind));
  if (answer.list) {
    const { list } = answer;
    const type = { apiVersion: list.kind.apiVersion, kind: list.kind.listKind };
    return encodeListProtobuf(
      type,
      listMeta(list),
      list.entries.map((entry) => messageOf(entry, list.kind)),
    );
  }
  const object = answer.object as { apiVersion?: string; kind?: string };
  if (object.kind === 'Status') return encodeStatusProtobuf(object as Status);
  const struct = looseStructs[`${object.apiVersion} ${object.kind}`];
  if (struct)
    return encodeProtobuf({ apiVersion: object.apiVersion!, kind: object.kind!, struct: structSchema(struct) }, object);
  return answer.kind ? encodeProtobuf(answer.kind, object) : undefined;
}

const metadataStruct = () => structSchema('meta/v1.PartialObjectMetadata');

export function metadataProtobuf(object: Shared<KubeObject>): Uint8Array {
  const type = { apiVersion: metaVersion, kind: 'PartialObjectMetadata', struct: metadataStruct() };
  return encodeProtobuf(type, metadataOf(object));
}

export function metadataListProtobuf(list: ListAnswer): Uint8Array {
  const struct = metadataStruct();
  const items = list.entries.map((entry) => encodeMessage(struct, metadataOf(entry.object)));
  return encodeListProtobuf({ apiVersion: metaVersion, kind: 'PartialObjectMetadataList' }, listMeta(list), items);
}

/** A watch event of an object of a kind, or (without one) of its bare metadata. */
export function protobufFrame(type: string, kind: AnyKind | undefined, entry: Entry): Uint8Array {
  if (!kind) return encodeWatchFrame(type, metadataProtobuf(entry.object));
  return encodeWatchFrame(type, wrapMessage(kind, messageOf(entry, kind)));
}

export function protobufError(status: Status): Uint8Array {
  return encodeWatchFrame('ERROR', encodeStatusProtobuf(status));
}
