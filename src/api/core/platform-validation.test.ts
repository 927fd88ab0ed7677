import { describe, expect, it } from 'vitest';
import { admitted, createProblems } from '../admitted.ts';
import { Pod } from './pod.ts';

const image = { name: 'c', image: 'nginx:1' };
const pod = (spec: object, container: object = {}) =>
  admitted(Pod, { spec: { ...spec, containers: [{ ...image, ...container }] } });

describe('the user of a Windows container', () => {
  const user = (runAsUserName: string) =>
    createProblems(Pod, pod({ securityContext: { windowsOptions: { runAsUserName } } }));
  const path = 'spec.securityContext.windowsOptions.runAsUserName';

  it.each(['ContainerUser', 'NT AUTHORITY\\SYSTEM', 'corp.example.com\\me'])('%s is fine', (name) => {
    expect(user(name)).toEqual([]);
  });

  it.each([
    ['', 'runAsUserName cannot be an empty string'],
    ['a\\b\\c', 'runAsUserName cannot contain more than one backslash'],
    ['corp\\', "runAsUserName's User cannot be empty"],
    ['...', "runAsUserName's User cannot contain only periods or spaces"],
    ['.corp*\\me', "runAsUserName's Domain doesn't match the NetBios nor the DNS format"],
  ])('%j is refused', (name, detail) => {
    expect(user(name)).toEqual([`${path}: Invalid value: ${JSON.stringify(name)}: ${detail}`]);
  });
});

describe('the operating system of a pod', () => {
  it('is one of two', () => {
    expect(createProblems(Pod, pod({ os: { name: 'plan9' } }))).toEqual([
      'spec.os: Unsupported value: "plan9": supported values: "linux", "windows"',
    ]);
  });

  it('decides which options it may set', () => {
    const windows = pod({ os: { name: 'windows' }, securityContext: { runAsUser: 1 } });
    expect(createProblems(Pod, windows)).toEqual([
      'spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod',
    ]);
    const linux = pod({ os: { name: 'linux' } }, { securityContext: { windowsOptions: {} } });
    expect(createProblems(Pod, linux)).toEqual([
      'spec.containers[0].securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod',
    ]);
  });
});

describe('resources beyond processor and memory', () => {
  it('huge pages come in whole pages', () => {
    const limits = { 'hugepages-2Mi': '3Mi', memory: '1Gi' };
    const path = 'spec.containers[0].resources';
    const problem = 'Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi';
    expect(createProblems(Pod, pod({}, { resources: { limits } }))).toEqual([
      `${path}.limits[hugepages-2Mi]: ${problem}`,
      `${path}.requests[hugepages-2Mi]: ${problem}`,
    ]);
  });

  it('a container may use several requests of one claim, each once', () => {
    const using = (...claims: object[]) =>
      createProblems(
        Pod,
        pod({ resourceClaims: [{ name: 'gpu', resourceClaimName: 'mine' }] }, { resources: { claims } }),
      );
    expect(using({ name: 'gpu', request: 'a' }, { name: 'gpu', request: 'b' })).toEqual([]);
    expect(using({ name: 'gpu', request: 'a' }, { name: 'gpu', request: 'a' })).toEqual([
      'spec.containers[0].resources.claims[1]: Duplicate value: "gpu"',
    ]);
    expect(using({ name: 'fpga' })).toEqual([
      'spec.containers[0].resources.claims[0]: Not found: "fpga": must be one of the names in pod.spec.resourceClaims: gpu',
    ]);
  });

  it('a pod as a whole has few', () => {
    expect(createProblems(Pod, pod({ resources: { limits: { 'ephemeral-storage': '1Gi' } } }))[0]).toBe(
      'spec.resources.limits[ephemeral-storage]: Unsupported value: "ephemeral-storage": supported values: "cpu", "hugepages-", "memory"',
    );
  });
});
