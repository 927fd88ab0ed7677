import { describe, expect, it } from 'vitest';
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { VirtualClock } from '../../base/clock.ts';
import type { Lister } from '../../client/informer.ts';
import type { LogQuery } from '../streaming/log-reader.ts';
import { simulatedBackend } from './simulated-backend.ts';

const startedAt = '2026-01-01T00:00:00Z';
const running = { state: { running: { startedAt } } };
const ended = { state: { terminated: { exitCode: 3, startedAt, finishedAt: '2026-01-01T00:00:09Z' } } };

function backendOf(status: object, annotations?: Record<string, string>) {
  let pod = {
    metadata: { name: 'p', namespace: 'default', annotations },
    status: { containerStatuses: [{ name: 'main', lastState: {}, ...status }] },
  };
  const pods = { get: (_: string, name: string) => (name === 'p' ? pod : undefined), list: () => [pod] };
  const clock = new VirtualClock();
  const backend = simulatedBackend(pods as unknown as Lister<Pod>, clock);
  const ref = { namespace: 'default', pod: 'p', container: 'main' };
  return {
    backend,
    clock,
    ref,
    change(next: object) {
      pod = { ...pod, status: { containerStatuses: [{ name: 'main', lastState: {}, ...next }] } };
    },
    async log(query: Partial<LogQuery & { previous: boolean }> = {}): Promise<string> {
      const wish = { follow: false, timestamps: false, previous: false, ...query };
      let text = '';
      for await (const piece of await backend.log(ref, wish, new AbortController().signal)) text += piece.toString();
      return text;
    },
  };
}

describe('the server of simulated nodes', () => {
  it('has logs that tell of the container, and what the pod’s annotation says', async () => {
    const { log } = backendOf(ended, { 'sim.timonel.dev/log': 'one\ntwo' });
    expect(await log()).toBe(
      'simulated container main of pod default/p started\none\ntwo\nit ended with exit code 3\n',
    );
    expect(await log({ tailLines: 1, timestamps: true })).toBe('2026-01-01T00:00:09Z it ended with exit code 3\n');
    expect(await log({ limitBytes: 9 })).toBe('simulated');
  });

  it('follows a container to its end', async () => {
    const { log, change, clock } = backendOf(running);
    const text = log({ follow: true });
    await clock.advance(1000);
    change(ended);
    await clock.advance(1000);
    expect(await text).toBe('simulated container main of pod default/p started\nit ended with exit code 3\n');
  });

  it('refuses what is not there', async () => {
    const { backend, ref, log } = backendOf(running);
    await expect(log({ previous: true })).rejects.toThrow('previous terminated container "main" in pod "p" not found');
    await expect(backend.run({ ...ref, pod: 'x' }, ['true'])).rejects.toThrow('pod does not exist: default/x');
    await expect(backend.run({ ...ref, container: 'x' }, ['true'])).rejects.toThrow('container not found ("x")');
    await expect(backend.portForwardUrl(ref, [80])).rejects.toThrow(/simulated containers have no network/);
  });

  it('answers a few commands', async () => {
    const { backend, ref } = backendOf(running);
    const say = async (...command: string[]) => (await backend.run(ref, command)).toString();
    expect([await say('echo', 'a', 'b'), await say('hostname'), await say('ls', '/')]).toEqual([
      'a b\n',
      'p\n',
      'simulated: ls /\n',
    ]);
    expect((backend.pods() as Shared<Pod>[])[0]?.metadata.name).toBe('p');
  });
});
