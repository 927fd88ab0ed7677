import { describe, expect, it } from 'vitest';
import { nodeAllocatable, nodeCapacity, podsShare } from './capacity.ts';
import { defaultSettings, kubeletConfiguration, parseKubeletConfiguration } from './kubelet-configuration.ts';

const document = (rest: string) => `apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n${rest}`;

describe('a KubeletConfiguration', () => {
  it('gives settings', () => {
    const settings = parseKubeletConfiguration(
      document(
        'podPidsLimit: 500\nseccompDefault: true\nclusterDNS: [10.0.0.10]\nimageMinimumGCAge: 5m\ncontainerLogMaxSize: 20Mi\nsystemReserved: {cpu: 100m, memory: 1Gi}',
      ),
    );
    expect(settings).toEqual({
      podPidsLimit: 500,
      seccompDefault: true,
      clusterDns: ['10.0.0.10'],
      imageMinimumGcAgeMs: 300_000,
      containerLogMaxSizeBytes: 20 * 1024 * 1024,
      systemReserved: { cpu: '100m', memory: '1Gi' },
    });
  });

  it('is shown with upstream’s defaults and names, and can be read again', () => {
    const shown = kubeletConfiguration(defaultSettings);
    expect(shown).toMatchObject({
      kind: 'KubeletConfiguration',
      maxPods: 110,
      podPidsLimit: -1,
      seccompDefault: false,
      imageGCHighThresholdPercent: 85,
      imageMinimumGCAge: '2m0s',
      containerLogMaxSize: '10Mi',
      evictionHard: { 'memory.available': '100Mi' },
      authentication: { anonymous: { enabled: false }, webhook: { enabled: true } },
      authorization: { mode: 'Webhook' },
    });
    const { clusterDNS, maxPods, imageMinimumGCAge, containerLogMaxSize } = shown;
    const { apiVersion, kind } = shown;
    const again = { apiVersion, kind, clusterDNS, maxPods, imageMinimumGCAge, containerLogMaxSize };
    expect(parseKubeletConfiguration(JSON.stringify(again))).toEqual({
      clusterDns: [],
      maxPods: 110,
      imageMinimumGcAgeMs: 120_000,
      containerLogMaxSizeBytes: 10 * 1024 * 1024,
    });
  });

  it.each([
    ['kind: Pod', /must be an object of apiVersion kubelet/],
    [document('maxPods: many'), 'maxPods must be a whole number from 1 up, not "many"'],
    [document('seccompDefault: "yes"'), 'seccompDefault must be true or false, not "yes"'],
    [document('imageMinimumGCAge: soon'), 'imageMinimumGCAge must be a duration such as 2m0s, not "soon"'],
    [document('systemReserved: {gpu: 1}'), /^systemReserved must be quantities of cpu/],
    [document('cgroupDriver: none'), 'cgroupDriver must be cgroupfs or systemd, not "none"'],
    [document('staticPodPath: /etc'), /^staticPodPath cannot be set: take it out; known are clusterDNS/],
    [document('constructor: 1'), /^constructor cannot be set/],
  ])('with a mistake is refused: %s', (text, why) => {
    expect(() => parseKubeletConfiguration(text)).toThrow(why);
  });
});

describe('what a node has for pods', () => {
  const capacity = nodeCapacity({ cpus: 4, memoryBytes: 8 * 1024 ** 3, diskBytes: 100 * 1024 ** 2 }, 110);

  it('is less than its capacity by what eviction keeps free', () => {
    expect(nodeAllocatable(capacity, defaultSettings)).toMatchObject({
      cpu: '4',
      memory: `${8 * 1024 ** 2 - 100 * 1024}Ki`,
      'ephemeral-storage': String(90 * 1024 ** 2),
      pods: '110',
    });
  });

  it('is less by what is reserved, too', () => {
    const reserved = {
      systemReserved: { cpu: '500m', memory: '1Gi', 'ephemeral-storage': '10Mi' },
      kubeReserved: { cpu: '1', memory: '1Gi' },
    };
    expect(nodeAllocatable(capacity, reserved)).toMatchObject({
      cpu: '2500m',
      memory: `${6 * 1024 ** 2 - 100 * 1024}Ki`,
      'ephemeral-storage': String(80 * 1024 ** 2),
    });
    expect(podsShare(capacity, reserved)).toEqual({ milliCpu: 2500, memoryBytes: 6 * 1024 ** 3 });
  });
});
