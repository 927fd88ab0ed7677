/** Learning that containers changed: from the runtime's event stream where it has one, else by looking. */
import protobuf from 'protobufjs';
import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { decodeMessage } from './codec.ts';
import type { CriError, CriRuntime } from './runtime.ts';

export interface ContainerWatch {
  /** How changes are learnt: the CRI's stream, containerd's own events, or `poll` when the runtime has neither. */
  readonly mode: 'cri' | 'containerd' | 'poll';
  close(): void;
}

const eventStreams = {
  cri: '/runtime.v1.RuntimeService/GetContainerEvents',
  containerd: '/containerd.services.events.v1.Events/Subscribe',
} as const;

/** containerd.services.events.v1.SubscribeRequest with one filter: exits and out-of-memory kills of tasks. */
function subscribeRequest(): Buffer {
  const writer = protobuf.Writer.create();
  for (const filter of ['topic=="/tasks/exit"', 'topic=="/tasks/oom"']) writer.uint32(10).string(filter);
  return Buffer.from(writer.finish());
}

/**
 * The container id in an Envelope (event = 4: Any with value = 2) whose payload has container_id = 1 and, for exits, the id
 * of the process = 2. The end of an exec's process is no change of its container: undefined.
 */
export function containerOfEnvelope(bytes: Uint8Array): string | undefined {
  const payload = field(field(bytes, 4), 2);
  const container = stringField(payload, 1);
  const processId = stringField(payload, 2);
  return processId === undefined || processId === container ? container : undefined;
}

function field(bytes: Uint8Array | undefined, number: number): Uint8Array | undefined {
  if (!bytes) return undefined;
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === number && (tag & 7) === 2) return reader.bytes();
    reader.skipType(tag & 7);
  }
  return undefined;
}

function stringField(bytes: Uint8Array | undefined, number: number): string | undefined {
  const found = field(bytes, number);
  return found ? Buffer.from(found).toString('utf8') : undefined;
}

/**
 * Watches a runtime. `onChange` is called with the id of a container or sandbox that changed, or with undefined when
 * anything may have changed (after a gap in the stream, or in poll mode every `pollMs`).
 */
export function watchContainers(
  runtime: CriRuntime,
  onChange: (containerId: string | undefined) => void,
  options: { clock: Clock; log: Logger; pollMs: number },
): ContainerWatch {
  const { clock, log, pollMs } = options;
  let mode: ContainerWatch['mode'] = 'cri';
  let closed = false;
  let endStream: () => void = () => {};
  let timer: Timer | undefined;

  const retry = (error: CriError | undefined) => {
    if (closed) return;
    if (error?.code === 'UNIMPLEMENTED' || (mode === 'cri' && error?.code === 'UNKNOWN')) {
      if (mode === 'containerd') {
        mode = 'poll';
        log.info('the runtime has no event stream: looking at its containers every now and then', { pollMs });
        timer = clock.every(pollMs, () => onChange(undefined));
        return;
      }
      mode = 'containerd';
      open();
      return;
    }
    timer = clock.after(500, () => {
      open();
      onChange(undefined);
    });
  };
  const open = () => {
    if (closed || mode === 'poll') return;
    endStream = runtime.stream(eventStreams[mode], mode === 'containerd' ? subscribeRequest() : Buffer.alloc(0), {
      onMessage(bytes) {
        const id =
          mode === 'containerd'
            ? containerOfEnvelope(bytes)
            : decodeMessage('ContainerEventResponse', bytes).container_id;
        if (id) onChange(id);
      },
      onEnd: retry,
    });
  };
  open();
  return {
    get mode() {
      return mode;
    },
    close() {
      closed = true;
      timer?.cancel();
      endStream();
    },
  };
}
