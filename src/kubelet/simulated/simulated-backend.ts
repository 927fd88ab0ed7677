/** What the server of simulated nodes answers: logs that tell of the containers' lives, and commands that are echoed. */
import type { WebSocket } from 'ws';
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import type { ContainerStatus } from '../../api/types/core-v1.ts';
import { type Clock, formatTime, parseTime } from '../../base/clock.ts';
import type { Lister } from '../../client/informer.ts';
import { defaultSettings, kubeletConfiguration } from '../node/kubelet-configuration.ts';
import type { LogQuery } from '../streaming/log-reader.ts';
import { type ContainerRef, type NodeBackend, NodeRequestError } from '../streaming/node-backend.ts';
import { channel } from '../streaming/remote-command.ts';

/** Lines that a pod's containers have written, as if. */
const logAnnotation = 'sim.timonel.dev/log';
const followPollMs = 250;

interface Line {
  readonly time: string;
  readonly text: string;
}

export function simulatedBackend(pods: Lister<Pod>, clock: Clock): NodeBackend {
  const find = ({ namespace, pod }: Omit<ContainerRef, 'container'>): Shared<Pod> => {
    const found = pods.get(namespace, pod);
    if (!found) throw new NodeRequestError(404, `pod does not exist: ${namespace}/${pod}`);
    return found;
  };
  const running = (ref: ContainerRef): Shared<Pod> => {
    const pod = find(ref);
    if (!statusOf(pod, ref.container)?.state?.running) {
      throw new NodeRequestError(404, `container not found ("${ref.container}")`);
    }
    return pod;
  };
  const refuse = (): never => {
    throw new NodeRequestError(501, 'simulated containers have no network and no processes: use --runtime cri');
  };
  return {
    pods: () => pods.list(),
    runningPods: async () => pods.list().filter(({ status }) => status.phase === 'Running'),
    configuration: () => kubeletConfiguration(defaultSettings),
    checkpoint: async () => refuse(),
    async log(ref, query, signal) {
      find(ref);
      return follow(() => linesOf(pods.get(ref.namespace, ref.pod), ref.container, query.previous), query, {
        clock,
        signal,
      });
    },
    execUrl: async () => refuse(),
    attachUrl: async () => refuse(),
    portForwardUrl: async () => refuse(),
    session(socket, ref, { command, stdin }) {
      const pod = running(ref);
      echo(socket, { command, stdin, hostname: pod.metadata.name! });
    },
    run: async (ref, command) => Buffer.from(answerTo(command, running(ref).metadata.name!)),
    summary: async () => ({ node: { nodeName: 'simulated' }, pods: [] }),
    metrics: async () => '',
  };
}

function statusOf(pod: Shared<Pod>, name: string): Shared<ContainerStatus> | undefined {
  return [...(pod.status.containerStatuses ?? []), ...(pod.status.initContainerStatuses ?? [])].find(
    (status) => status.name === name,
  );
}

/** The lines so far, and whether more may come. */
function linesOf(pod: Shared<Pod> | undefined, name: string, previous: boolean): { lines: Line[]; more: boolean } {
  const status = pod && statusOf(pod, name);
  if (!pod || !status) return { lines: [], more: false };
  const state = previous ? status.lastState : status.state?.waiting ? status.lastState : status.state;
  const startedAt = state?.running?.startedAt ?? state?.terminated?.startedAt;
  if (!startedAt) {
    if (!previous) return { lines: [], more: true };
    throw new NodeRequestError(400, `previous terminated container "${name}" in pod "${pod.metadata.name}" not found`);
  }
  const own = pod.metadata.annotations?.[logAnnotation];
  const lines = [
    {
      time: startedAt,
      text: `simulated container ${name} of pod ${pod.metadata.namespace}/${pod.metadata.name} started`,
    },
    ...(own ? own.split('\n').map((text) => ({ time: startedAt, text })) : []),
  ];
  const ended = state?.terminated;
  if (ended) lines.push({ time: ended.finishedAt ?? startedAt, text: `it ended with exit code ${ended.exitCode}` });
  return { lines, more: !ended };
}

async function* follow(
  look: () => { lines: Line[]; more: boolean },
  query: LogQuery,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): AsyncGenerator<Buffer> {
  let { lines, more } = look();
  let left = query.limitBytes ?? Number.POSITIVE_INFINITY;
  let seen = lines.length;
  const wanted = lines.filter((line) => query.since === undefined || parseTime(line.time) >= query.since);
  let pending = query.tailLines === undefined ? wanted : query.tailLines === 0 ? [] : wanted.slice(-query.tailLines);
  for (;;) {
    for (const { time, text } of pending) {
      const bytes = Buffer.from(`${query.timestamps ? `${formatTime(parseTime(time))} ` : ''}${text}\n`);
      yield bytes.length > left ? bytes.subarray(0, left) : bytes;
      left -= bytes.length;
      if (left <= 0) return;
    }
    if (!query.follow || !more || signal.aborted) return;
    await clock.sleep(followPollMs, signal).catch(() => {});
    ({ lines, more } = look());
    pending = lines.slice(seen);
    seen = Math.max(seen, lines.length);
  }
}

/** What a few usual commands print; others say that they were not run. */
function answerTo(command: readonly string[], hostname: string): string {
  const [program = '', ...rest] = command;
  if (program === 'echo') return `${rest.join(' ')}\n`;
  if (program === 'hostname') return `${hostname}\n`;
  if (program === 'true' || program === 'cat') return '';
  return `simulated: ${command.join(' ')}\n`;
}

function echo(
  socket: WebSocket,
  { command, stdin, hostname }: { command: readonly string[]; stdin: boolean; hostname: string },
): void {
  const send = (number: number, bytes: Uint8Array) => socket.send(Buffer.concat([Buffer.from([number]), bytes]));
  const finish = () => {
    send(channel.stdout, Buffer.from(answerTo(command, hostname)));
    send(channel.error, Buffer.from(JSON.stringify({ metadata: {}, status: 'Success' })));
    socket.close(1000);
  };
  if (!stdin) {
    finish();
    return;
  }
  socket.on('message', (data: Buffer) => {
    if (data[0] === channel.close) finish();
    else if (data[0] === channel.stdin && command[0] === 'cat') send(channel.stdout, data.subarray(1));
  });
}
