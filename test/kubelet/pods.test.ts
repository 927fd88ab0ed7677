/** Pods on a real node: start, end, restart, failure, configuration. */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { Secret } from '../../src/api/core/secret.ts';
import type { Shared } from '../../src/api/kind.ts';
import { Cgroups } from '../../src/cri/cgroups.ts';
import { mountsUnder } from '../../src/cri/mounts.ts';
import { firstState, missingForRealNode, type NodeLab, script, shellImage, startNodeLab, waiting } from './node-lab.ts';

const missing = missingForRealNode();

describe.skipIf(missing)(`pods on a real node${missing ? ` (${missing})` : ''}`, () => {
  let lab: NodeLab;
  beforeAll(async () => {
    lab = await startNodeLab();
  });
  afterAll(async () => {
    await lab?.close();
  });
  const remove = async (name: string, options = {}) => {
    await lab.client.delete(Pod, { namespace: 'default', name }, options);
    await lab.untilGone(name);
  };
  /** Runs a script to its end and gives what it wrote to its termination log. */
  const said = async (name: string, text: string, spec: object = {}, container: object = {}) => {
    await lab.run(name, {
      restartPolicy: 'Never',
      containers: [
        { name: 'main', image: shellImage, command: script(`{ ${text}; } > /dev/termination-log 2>&1`), ...container },
      ],
      ...spec,
    });
    const pod = await lab.until(name, ({ status }) => status.phase === 'Succeeded' || status.phase === 'Failed');
    const message = firstState(pod)?.terminated?.message ?? '';
    await remove(name);
    return message;
  };

  it('run, are ready, have an address, say so in events, and go when deleted', async () => {
    await lab.run('life', { containers: [waiting] });
    const pod = await lab.until(
      'life',
      ({ status }) => status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false,
    );
    expect(pod.status).toMatchObject({ phase: 'Running', hostIP: '127.0.0.1', qosClass: 'BestEffort' });
    expect(pod.status.podIP).toMatch(/^10\.199\./);
    expect(pod.status.containerStatuses?.[0]).toMatchObject({ ready: true, started: true, restartCount: 0 });
    await remove('life');
    await expect
      .poll(() => lab.events('life'))
      .toEqual(
        expect.arrayContaining([
          'Normal Pulled: Container image "shell:1" already present on machine',
          'Normal Created: Container created',
          'Normal Started: Container started',
          'Normal Killing: Stopping container main',
        ]),
      );
    await expect
      .poll(async () => {
        const { items } = await lab.containerd.runtime.runtime.listPodSandbox({});
        return items.filter((item) => item.metadata?.name === 'life');
      })
      .toEqual([]);
  });

  it('end as Succeeded or Failed with exit code, reason and last words', async () => {
    const end = (name: string, command: string) =>
      lab.run(name, {
        restartPolicy: 'Never',
        containers: [{ name: 'main', image: shellImage, command: script(command) }],
      });
    await end('good', 'echo fine > /dev/termination-log');
    await end('bad', 'echo broken > /dev/termination-log; exit 3');
    const good = await lab.until('good', ({ status }) => status.phase === 'Succeeded');
    expect(firstState(good)?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed', message: 'fine\n' });
    expect(good.status.conditions?.find((c) => c.type === 'Ready')).toMatchObject({
      status: 'False',
      reason: 'PodCompleted',
    });
    const bad = await lab.until('bad', ({ status }) => status.phase === 'Failed');
    expect(firstState(bad)?.terminated).toMatchObject({ exitCode: 3, reason: 'Error', message: 'broken\n' });
  });

  it('restart what fails, once at once and then after a backoff', async () => {
    await lab.run('crash', { containers: [{ name: 'main', image: shellImage, command: script('exit 7') }] });
    const pod = await lab.until('crash', (p) => firstState(p)?.waiting?.reason === 'CrashLoopBackOff');
    expect(pod.status.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 7, reason: 'Error' } },
    });
    expect(firstState(pod)?.waiting?.message).toMatch(
      /^back-off 10s restarting failed container=main pod=crash_default\(/,
    );
    await expect
      .poll(() => lab.events('crash'))
      .toContainEqual(expect.stringMatching(/^Warning BackOff: Back-off restarting failed container main/));
    await remove('crash');
  });

  it('restart single containers, or all of them with their initialization, by rules on exit codes', async () => {
    const rule = (action: string) => ({
      restartPolicy: 'Never',
      restartPolicyRules: [{ action, exitCodes: { operator: 'In', values: [42] } }],
    });
    const shared = { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] };
    const notes = (text: string) => script(`echo ${text} >> /shared/notes; trap "exit 0" TERM; sleep 1000000 & wait`);
    await lab.run('over', {
      restartPolicy: 'Never',
      volumes: [{ name: 'shared', emptyDir: {} }],
      initContainers: [{ name: 'init', image: shellImage, command: script('echo init >> /shared/notes'), ...shared }],
      containers: [
        {
          name: 'single',
          image: shellImage,
          command: script('[ -e /shared/single ] && sleep 1000000; touch /shared/single; exit 42'),
          ...rule('Restart'),
          ...shared,
        },
        { ...waiting, name: 'sibling', command: notes('sibling'), ...shared },
      ],
    });
    const count = (pod: { status: Shared<Pod>['status'] }, name: string) =>
      [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])].find(
        (status) => status.name === name,
      );
    const single = await lab.until('over', (pod) => (count(pod, 'single')?.restartCount ?? 0) === 1);
    expect(single.status.phase).toBe('Running');
    expect(count(single, 'sibling')?.restartCount).toBe(0);
    await remove('over');

    await lab.run('all-over', {
      restartPolicy: 'Never',
      volumes: [{ name: 'shared', emptyDir: {} }],
      initContainers: [{ name: 'init', image: shellImage, command: script('echo init >> /shared/notes'), ...shared }],
      containers: [
        {
          name: 'trigger',
          image: shellImage,
          command: script(
            'if [ -e /shared/trigger ]; then cat /shared/notes > /dev/termination-log; exit 0; fi; ' +
              'until grep -q sibling /shared/notes; do sleep 0.1; done; touch /shared/trigger; exit 42',
          ),
          ...rule('RestartAllContainers'),
          ...shared,
        },
        { ...waiting, name: 'sibling', command: notes('sibling'), ...shared },
      ],
    });
    const over = await lab.until('all-over', (pod) => count(pod, 'trigger')?.state.terminated?.exitCode === 0);
    expect(count(over, 'trigger')?.state.terminated?.message).toMatch(/^init\nsibling\ninit\n/);
    for (const name of ['init', 'trigger', 'sibling'])
      expect([name, count(over, name)?.restartCount]).toEqual([name, 1]);
    expect(count(over, 'trigger')?.lastState.terminated?.exitCode).toBe(42);
    const restarting = over.status.conditions?.find(({ type }) => type === 'AllContainersRestarting');
    expect(restarting?.status).toBe('False');
    await remove('all-over');
  });

  it('run init containers in order, sidecars beside the main container, and end sidecars last', async () => {
    const note = (text: string) => script(`echo ${text} >> /shared/order`);
    const shared = { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] };
    const message = await said(
      'ordered',
      'cat /shared/order; cat /shared/side',
      {
        volumes: [{ name: 'shared', emptyDir: {} }],
        initContainers: [
          { name: 'one', image: shellImage, command: note('one'), ...shared },
          {
            name: 'side',
            image: shellImage,
            restartPolicy: 'Always',
            command: script('echo here > /shared/side; trap "exit 0" TERM; sleep 100000 & wait'),
            startupProbe: { exec: { command: ['test', '-e', '/shared/side'] }, periodSeconds: 1, timeoutSeconds: 30 },
            ...shared,
          },
          { name: 'two', image: shellImage, command: note('two'), ...shared },
        ],
      },
      shared,
    );
    expect(message).toBe('one\ntwo\nhere\n');
  });

  it('fail when an init container fails and they never restart', async () => {
    await lab.run('init-fails', {
      restartPolicy: 'Never',
      initContainers: [{ name: 'init', image: shellImage, command: script('exit 1') }],
      containers: [waiting],
    });
    const pod = await lab.until('init-fails', ({ status }) => status.phase === 'Failed');
    expect(pod.status.initContainerStatuses?.[0]?.state?.terminated?.exitCode).toBe(1);
    await remove('init-fails');
  });

  it('get variables from everywhere', async () => {
    await lab.client.create(ConfigMap, {
      metadata: { name: 'conf', namespace: 'default' },
      data: { color: 'blue', 'a.b': 'x' },
    });
    await lab.client.create(Secret, {
      metadata: { name: 'hidden', namespace: 'default' },
      data: { word: Buffer.from('sesame').toString('base64') },
    });
    const message = await said(
      'variables',
      'echo "$COLOR $WORD $NAME $IP $LIMIT $GREETING $P_color $KUBERNETES_SERVICE_HOST"',
      {},
      {
        envFrom: [{ prefix: 'P_', configMapRef: { name: 'conf' } }],
        env: [
          { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'conf', key: 'color' } } },
          { name: 'WORD', valueFrom: { secretKeyRef: { name: 'hidden', key: 'word' } } },
          { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          { name: 'LIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
          { name: 'GREETING', value: 'hello-$(COLOR)' },
        ],
        resources: { limits: { memory: '64Mi' } },
      },
    );
    expect(message).toMatch(/^blue sesame variables 10\.199\.\S+ 64 hello-blue blue 10\.198\.0\.1\n$/);
  });

  it('wait with a reason while their configuration is missing, and start when it comes', async () => {
    await lab.run('needs', {
      containers: [{ ...waiting, env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'later', key: 'x' } } }] }],
    });
    const pod = await lab.until('needs', (p) => firstState(p)?.waiting?.reason === 'CreateContainerConfigError');
    expect(firstState(pod)?.waiting?.message).toBe('configmap "later" not found');
    await lab.client.create(ConfigMap, { metadata: { name: 'later', namespace: 'default' }, data: { x: '1' } });
    await lab.until('needs', ({ status }) => status.phase === 'Running');
    await remove('needs');
  });

  it('see config maps, secrets, the downward API and each other’s files in volumes', async () => {
    const message = await said(
      'volumes',
      'cat /conf/color /conf/sub/deep /secret/word /down/labels; ls -l /secret/..data/word | cut -c1-10; touch /conf/x || true; cat /one/color',
      {
        volumes: [
          {
            name: 'conf',
            configMap: {
              name: 'conf',
              items: [
                { key: 'color', path: 'color' },
                { key: 'a.b', path: 'sub/deep' },
              ],
            },
          },
          { name: 'secret', secret: { secretName: 'hidden', defaultMode: 0o400 } },
          { name: 'down', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.name' } }] } },
        ],
      },
      {
        volumeMounts: [
          { name: 'conf', mountPath: '/conf' },
          { name: 'secret', mountPath: '/secret' },
          { name: 'down', mountPath: '/down' },
          { name: 'conf', mountPath: '/one/color', subPath: 'color' },
        ],
      },
    );
    expect(message).toContain('bluexsesamevolumes');
    expect(message).toContain('Read-only file system');
    expect(message).toMatch(/blue$/);
  });

  it('mount a part of a volume, by an expression, too, and not what it was made a link to', async () => {
    const volumes = [{ name: 'shared', emptyDir: {} }];
    const at = (mountPath: string, more: object = {}) => ({ volumeMounts: [{ name: 'shared', mountPath, ...more }] });
    const message = await said(
      'parts',
      'cat /part/file; mount | grep -c " /part "',
      {
        volumes,
        initContainers: [
          {
            name: 'writer',
            image: shellImage,
            command: script('mkdir -p /all/dir/parts; echo found > /all/dir/parts/file; ln -s dir /all/link'),
            ...at('/all'),
          },
        ],
      },
      {
        env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        ...at('/part', { subPathExpr: 'link/$(POD)' }),
      },
    );
    expect(message).toBe('found\n1\n');
    await lab.run('escape', {
      volumes,
      initContainers: [{ name: 'writer', image: shellImage, command: script('ln -s /etc /all/link'), ...at('/all') }],
      containers: [{ ...waiting, ...at('/part', { subPath: 'link' }) }],
    });
    const pod = await lab.until('escape', (p) => firstState(p)?.waiting?.reason === 'CreateContainerConfigError');
    expect(firstState(pod)?.waiting?.message).toBe(
      'failed to prepare subPath for volumeMount "shared" of container "main": subPath "link" leaves the volume',
    );
    await remove('escape');
    expect(mountsUnder(lab.dataDir).filter((point) => point.includes('volume-subpaths'))).toEqual([]);
  });

  it('have directories of their own on disk and in memory', async () => {
    const message = await said(
      'empty',
      'grep -o " /mem tmpfs [^ ]*" /proc/mounts; ls -ld /disk | cut -c1-10; echo kept > /mem/x; cat /mem/x; id -G; ls -ldn /group | tr -s " " | cut -d" " -f4',
      {
        securityContext: { fsGroup: 4321 },
        volumes: [
          { name: 'mem', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
          { name: 'disk', emptyDir: {} },
        ],
      },
      {
        volumeMounts: [
          { name: 'mem', mountPath: '/mem' },
          { name: 'disk', mountPath: '/disk' },
          { name: 'disk', mountPath: '/group' },
        ],
      },
    );
    expect(message).toMatch(/^ \/mem tmpfs rw\S*size=8192k/);
    expect(message).toContain('drwxrwsrwx\nkept\n');
    expect(message.trimEnd().split('\n').at(-1)).toBe('4321');
  });

  it('leave the end of their log when they fail without last words', async () => {
    await lab.run('wordless', {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'main',
          image: shellImage,
          command: script('echo first; echo last >&2; exit 1'),
          terminationMessagePolicy: 'FallbackToLogsOnError',
        },
      ],
    });
    const pod = await lab.until('wordless', ({ status }) => status.phase === 'Failed');
    expect(firstState(pod)?.terminated?.message?.split('\n').sort().join(' ')).toBe(' first last');
  });

  it('see changes of config maps without a restart', async () => {
    await lab.client.create(ConfigMap, { metadata: { name: 'live', namespace: 'default' }, data: { n: 'before' } });
    await lab.run('watcher', {
      restartPolicy: 'Never',
      volumes: [{ name: 'live', configMap: { name: 'live' } }],
      containers: [
        {
          name: 'main',
          image: shellImage,
          command: script('until grep -q after /live/n; do sleep 0.1; done'),
          volumeMounts: [{ name: 'live', mountPath: '/live' }],
        },
      ],
    });
    await lab.until('watcher', ({ status }) => status.phase === 'Running');
    await lab.client.patch(
      ConfigMap,
      { namespace: 'default', name: 'live' },
      { data: { n: 'after' } },
      { type: 'merge' },
    );
    await lab.until('watcher', ({ status }) => status.phase === 'Succeeded');
    await remove('watcher');
  });

  it('have a service account token, the cluster’s CA and their namespace', async () => {
    const dir = '/var/run/secrets/kubernetes.io/serviceaccount';
    const message = await said(
      'account',
      `cat ${dir}/namespace; echo; head -1 ${dir}/ca.crt; cut -d. -f1 ${dir}/token`,
      {
        automountServiceAccountToken: true,
      },
    );
    expect(message).toMatch(/^default\n-----BEGIN CERTIFICATE-----\neyJ/);
  });

  it('run as the user, with the groups and capabilities that they ask for', async () => {
    const message = await said(
      'secure',
      'id -u; id -g; id -G; grep CapEff /proc/self/status; touch /x; grep NoNewPrivs /proc/self/status; grep Seccomp: /proc/self/status',
      {
        securityContext: {
          runAsUser: 1000,
          runAsGroup: 2000,
          fsGroup: 3000,
          seccompProfile: { type: 'RuntimeDefault' },
        },
      },
      {
        terminationMessagePath: '/dev/termination-log',
        securityContext: {
          capabilities: { drop: ['ALL'] },
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
        },
      },
    );
    expect(message).toMatch(/^1000\n2000\n2000 3000\nCapEff:\s+0{16}\n/);
    expect(message).toContain('Read-only file system');
    expect(message).toMatch(/NoNewPrivs:\s+1\nSeccomp:\s+2/);
  });

  it('are refused as root when they must not be root', async () => {
    await lab.run('not-root', { containers: [{ ...waiting, securityContext: { runAsNonRoot: true } }] });
    const pod = await lab.until('not-root', (p) => firstState(p)?.waiting?.reason === 'CreateContainerConfigError');
    expect(firstState(pod)?.waiting?.message).toContain('container has runAsNonRoot and image will run as root');
    await remove('not-root');
  });

  it('know their name and aliases, and the cluster’s DNS', async () => {
    const message = await said('named', 'hostname; cat /etc/hosts /etc/resolv.conf', {
      hostname: 'db',
      subdomain: 'peers',
      hostAliases: [{ ip: '192.0.2.7', hostnames: ['seven'] }],
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['192.0.2.53'], searches: ['my.search'] },
    });
    expect(message).toMatch(/^db\n/);
    expect(message).toMatch(/10\.199\.\S+\tdb\.peers\.default\.svc\.cluster\.local\tdb/);
    expect(message).toContain('192.0.2.7\tseven');
    expect(message).toContain('nameserver 192.0.2.53');
  });

  it('are limited in memory, and killed when they take more', async () => {
    await lab.run('greedy', {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'main',
          image: shellImage,
          command: script(
            'head -c 200000000 /dev/zero | tail -c 150000000 > /dev/null; x=$(head -c 200000000 /dev/zero | busybox tr "\\0" x)',
          ),
          resources: { limits: { memory: '32Mi', cpu: '1' } },
        },
      ],
    });
    const pod = await lab.until('greedy', ({ status }) => status.phase === 'Failed');
    expect(pod.status.qosClass).toBe('Guaranteed');
    expect(firstState(pod)?.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
    await remove('greedy');
  });

  it('say why an image cannot be had', async () => {
    await lab.run('never', { containers: [{ ...waiting, image: 'absent:1', imagePullPolicy: 'Never' }] });
    const never = await lab.until('never', (p) => firstState(p)?.waiting?.reason === 'ErrImageNeverPull');
    expect(firstState(never)?.waiting?.message).toBe(
      'Container image "absent:1" is not present with pull policy of Never',
    );
    await remove('never');
    await lab.run('pull', { containers: [{ ...waiting, image: 'localhost:1/absent:1' }] });
    await lab.until('pull', (p) => firstState(p)?.waiting?.reason === 'ImagePullBackOff');
    await expect
      .poll(() => lab.events('pull'))
      .toEqual(
        expect.arrayContaining([
          'Normal Pulling: Pulling image "localhost:1/absent:1"',
          'Warning Failed: Error: ErrImagePull',
        ]),
      );
    await remove('pull');
  });

  it('are refused when the node has not what they ask for', async () => {
    await lab.run('huge', { containers: [{ ...waiting, resources: { requests: { cpu: '1000' } } }] });
    const huge = await lab.until('huge', ({ status }) => status.phase === 'Failed');
    expect(huge.status.reason).toBe('OutOfcpu');
    expect(huge.status.message).toMatch(
      /^Pod was rejected: Node didn't have enough resource: cpu, requested: 1000000, used: /,
    );
    expect(huge.status.containerStatuses).toBeUndefined();
    await lab.run('sysctl', {
      containers: [waiting],
      securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] },
    });
    const refused = await lab.until('sysctl', ({ status }) => status.phase === 'Failed');
    expect(refused.status).toMatchObject({ reason: 'SysctlForbidden' });
    for (const name of ['huge', 'sysctl']) await remove(name);
  });

  it('run hooks, and get their grace before they are killed', async () => {
    await lab.run('hooked', {
      terminationGracePeriodSeconds: 1,
      volumes: [{ name: 'out', hostPath: { path: lab.dataDir } }],
      containers: [
        {
          name: 'main',
          image: shellImage,
          // Deaf to SIGTERM.
          command: script('trap "" TERM; while true; do sleep 0.1; done'),
          volumeMounts: [{ name: 'out', mountPath: '/out' }],
          lifecycle: {
            postStart: { exec: { command: script('echo post > /out/post') } },
            preStop: { exec: { command: script('cat /out/post > /out/pre') } },
          },
        },
      ],
    });
    await lab.until('hooked', ({ status }) => status.phase === 'Running');
    await remove('hooked');
    expect(readFileSync(`${lab.dataDir}/pre`, 'utf8')).toBe('post\n');
  });

  it('keep what their hooks said out of events, where others would read it', async () => {
    await lab.run('blurts', {
      containers: [
        {
          ...waiting,
          lifecycle: {
            postStart: { exec: { command: script('echo the-password; exit 1') } },
            preStop: { exec: { command: script('echo the-password; exit 1') } },
          },
        },
      ],
    });
    await expect.poll(() => lab.events('blurts')).toContain('Warning FailedPostStartHook: PostStartHook failed');
    await remove('blurts');
    expect((await lab.events('blurts')).join('\n')).not.toContain('the-password');
  });

  it('are asked to stop by the signal that they want', async () => {
    await lab.run('signalled', {
      terminationGracePeriodSeconds: 600,
      os: { name: 'linux' },
      volumes: [{ name: 'out', hostPath: { path: lab.dataDir } }],
      containers: [
        {
          name: 'main',
          image: shellImage,
          // Deaf to SIGTERM.
          command: script('trap "" TERM; trap "echo usr1 > /out/signal; exit 0" USR1; while true; do sleep 0.1; done'),
          volumeMounts: [{ name: 'out', mountPath: '/out' }],
          lifecycle: { stopSignal: 'SIGUSR1' },
        },
      ],
    });
    const pod = await lab.until('signalled', ({ status }) => status.phase === 'Running');
    expect(pod.status.containerStatuses?.[0]?.stopSignal).toBe('SIGUSR1');
    await remove('signalled');
    expect(readFileSync(`${lab.dataDir}/signal`, 'utf8')).toBe('usr1\n');
  });

  it('end when their time is over', async () => {
    await lab.run('late', { activeDeadlineSeconds: 1, containers: [waiting] });
    const pod = await lab.until(
      'late',
      ({ status }) => status.phase === 'Failed' && firstState({ status } as never)?.terminated !== undefined,
    );
    expect(pod.status).toMatchObject({ reason: 'DeadlineExceeded' });
    await remove('late');
  });

  it('are resized in place, or wait for room that the node does not have', async () => {
    const resources = (cpu: string) => ({ requests: { cpu, memory: '32Mi' }, limits: { cpu, memory: '32Mi' } });
    const occupied = `${cpus().length * 600}m`;
    await lab.run('grows', { containers: [{ ...waiting, resources: resources('100m') }] });
    const before = await lab.until('grows', ({ status }) => status.phase === 'Running');
    const resize = (cpu: string) =>
      lab.client.patch(
        Pod,
        { namespace: 'default', name: 'grows' },
        { spec: { containers: [{ name: 'main', resources: resources(cpu) }] } },
        { type: 'strategic', subresource: 'resize' },
      );
    await resize('200m');
    const grown = await lab.until(
      'grows',
      ({ status }) => status.containerStatuses?.[0]?.resources?.limits?.['cpu'] === '200m',
    );
    expect(grown.status.containerStatuses?.[0]).toMatchObject({
      restartCount: 0,
      containerID: before.status.containerStatuses?.[0]?.containerID,
    });
    const id = grown.status.containerStatuses![0]!.containerID!.split('//')[1]!;
    const { pid } = JSON.parse(
      (await lab.containerd.runtime.runtime.containerStatus({ container_id: id, verbose: true })).info['info']!,
    ) as { pid: number };
    const group = cgroupOf(pid);
    await expect.poll(() => readCpuQuota(group)).toBe(20_000);
    // Within what the node has, but not beside this one.
    await lab.run('occupant', { containers: [{ ...waiting, resources: { requests: { cpu: occupied } } }] });
    await lab.until('occupant', ({ status }) => status.phase === 'Running');
    await resize(occupied);
    const refused = await lab.until(
      'grows',
      ({ status }) => status.conditions?.some((c) => c.type === 'PodResizePending') ?? false,
    );
    expect(refused.status.conditions?.find((c) => c.type === 'PodResizePending')).toMatchObject({
      reason: 'Deferred',
    });
    expect(refused.status.containerStatuses?.[0]?.resources?.limits?.['cpu']).toBe('200m');
    await remove('occupant');
    await lab.until('grows', ({ status }) => status.containerStatuses?.[0]?.resources?.limits?.['cpu'] === occupied);
    await remove('grows');
  });

  it('take an ephemeral container while they run', async () => {
    await lab.run('debugged', { containers: [waiting], shareProcessNamespace: true });
    await lab.until('debugged', ({ status }) => status.phase === 'Running');
    await lab.client.patch(
      Pod,
      { namespace: 'default', name: 'debugged' },
      {
        spec: {
          ephemeralContainers: [
            {
              name: 'debug',
              image: shellImage,
              command: script('echo looked > /dev/termination-log'),
              terminationMessagePath: '/dev/termination-log',
            },
          ],
        },
      },
      { type: 'strategic', subresource: 'ephemeralcontainers' },
    );
    const pod = await lab.until(
      'debugged',
      ({ status }) => status.ephemeralContainerStatuses?.[0]?.state?.terminated !== undefined,
    );
    expect(pod.status.ephemeralContainerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 0,
      message: 'looked\n',
    });
    await remove('debugged', { gracePeriodSeconds: 0 });
  });
});

function cgroupOf(pid: number): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
  const line =
    lines.find((text) => /^\d+:(cpu|cpu,cpuacct):/.test(text)) ?? lines.find((text) => text.startsWith('0::'));
  return line!.split(':')[2]!;
}

function readCpuQuota(group: string): number {
  const cgroups = new Cgroups();
  return cgroups.layout.version === 'v1'
    ? Number(cgroups.read('cpu', group, 'cpu.cfs_quota_us'))
    : Number(cgroups.read('cpu', group, 'cpu.max')?.split(' ')[0]);
}
