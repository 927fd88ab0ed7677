/** Answers and watch frames in protobuf. */
import type { AnyKind } from '../../api/kind.ts';
import type { Answer } from '../verbs/call.ts';

/** undefined where there is no protobuf form: the client gets JSON. */
export function answerProtobuf(_answer: Answer, _kind: AnyKind | undefined): Uint8Array | undefined {
  return undefined;
}

export function protobufFrame(_type: string, _kind: AnyKind | undefined, _object: unknown): Uint8Array {
  return new Uint8Array();
}

export function protobufError(_status: unknown): Uint8Array {
  return new Uint8Array();
}
