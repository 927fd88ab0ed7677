/** Probes of real containers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingForRealNode, type NodeLab, script, shellImage, startNodeLab, untilGo } from './node-lab.ts';

const missing = missingForRealNode();

describe.skipIf(missing)(`probes${missing ? ` (${missing})` : ''}`, () => {
  let lab: NodeLab;
  beforeAll(async () => {
    lab = await startNodeLab();
  });
  afterAll(async () => {
    await lab?.close();
  });
  const web = (command: string, probes: object) => ({
    name: 'main',
    image: shellImage,
    command: script(command),
    ...probes,
  });
  const ready = (status: { conditions?: readonly { type: string; status: string }[] }) =>
    status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
  const everySecond = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 30 };

  it('make a container ready when HTTP answers, and unready when it stops to', async () => {
    await lab.run('http', {
      containers: [
        web('mkdir /www; echo ok > /www/ok; httpd -p 8080 -h /www; sleep 100000', {
          ports: [{ name: 'web', containerPort: 8080 }],
          readinessProbe: { httpGet: { path: '/ok', port: 'web' }, ...everySecond },
        }),
      ],
    });
    await lab.until('http', ({ status }) => ready(status));
    await lab.exec('http', 'rm', '/www/ok');
    const pod = await lab.until('http', ({ status }) => status.phase === 'Running' && !ready(status));
    expect(pod.status.conditions?.find((c) => c.type === 'Ready')).toMatchObject({
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [main]',
    });
    await expect
      .poll(() => lab.events('http'))
      .toContain('Warning Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404');
  });

  it('restart a container that is alive no more', async () => {
    await lab.run('sick', {
      terminationGracePeriodSeconds: 1,
      containers: [
        web('touch /well; sleep 1; rm /well; sleep 100000', {
          livenessProbe: { exec: { command: ['cat', '/well'] }, initialDelaySeconds: 1, ...everySecond },
        }),
      ],
    });
    await lab.until('sick', ({ status }) => (status.containerStatuses?.[0]?.restartCount ?? 0) > 0);
    await expect
      .poll(() => lab.events('sick'))
      .toEqual(
        expect.arrayContaining([
          'Normal Killing: Container main failed liveness probe, will be restarted',
          expect.stringMatching(/^Warning Unhealthy: Liveness probe failed: cat: can't open '\/well'/),
        ]),
      );
  });

  it('hold readiness back until the startup probe has succeeded', async () => {
    await lab.run('slow', {
      containers: [
        web('sleep 100000', {
          startupProbe: { exec: { command: ['test', '-e', '/go'] }, ...everySecond, failureThreshold: 300 },
          readinessProbe: { exec: { command: ['true'] }, periodSeconds: 30, timeoutSeconds: 30 },
        }),
      ],
    });
    const early = await lab.until('slow', ({ status }) => status.phase === 'Running');
    expect(early.status.containerStatuses?.[0]).toMatchObject({ started: false, ready: false });
    await lab.exec('slow', 'touch', '/go');
    const late = await lab.until('slow', ({ status }) => ready(status));
    expect(late.status.containerStatuses?.[0]).toMatchObject({ started: true, restartCount: 0 });
  });

  it('ask TCP ports', async () => {
    await lab.run('tcp', {
      containers: [
        web(`mkdir /www; ${untilGo}; httpd -f -p 9000 -h /www`, {
          readinessProbe: { tcpSocket: { port: 9000 }, ...everySecond },
        }),
      ],
    });
    await expect
      .poll(() => lab.events('tcp'))
      .toContainEqual(
        expect.stringMatching(/Readiness probe failed: dial tcp 10\.199\.\S+:9000: connect: connection refused/),
      );
    await lab.exec('tcp', 'touch', '/go');
    await lab.until('tcp', ({ status }) => ready(status));
  });

  it('take readiness gates into account', async () => {
    const { Pod } = await import('../../src/api/core/pod.ts');
    await lab.run('gated', {
      readinessGates: [{ conditionType: 'example.com/open' }],
      containers: [web('sleep 100000', {})],
    });
    const shut = await lab.until('gated', ({ status }) => status.phase === 'Running');
    expect(shut.status.conditions?.find((c) => c.type === 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ReadinessGatesNotReady',
    });
    await lab.client.patch(
      Pod,
      { namespace: 'default', name: 'gated' },
      { status: { conditions: [{ type: 'example.com/open', status: 'True' }] } },
      { type: 'strategic', subresource: 'status' },
    );
    await lab.until('gated', ({ status }) => ready(status));
  });
});
