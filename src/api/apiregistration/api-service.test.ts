import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems } from '../admitted.ts';
import { APIService } from './api-service.ts';

const apiService = (spec: object = {}, name = 'v1.a.example') =>
  admitted(APIService, {
    metadata: { name },
    spec: { group: 'a.example', version: 'v1', groupPriorityMinimum: 100, versionPriority: 10, ...spec },
  });

describe('APIService', () => {
  it('without a service is the server itself, and available', () => {
    expect(cells(APIService, apiService())).toMatchObject({ Service: 'Local', Available: 'True' });
    expect(createProblems(APIService, apiService())).toEqual([]);
  });

  it('is unknown until its service was asked', () => {
    const object = apiService({ service: { namespace: 'n', name: 's' }, insecureSkipTLSVerify: true });
    expect(object.spec.service!.port).toBe(443);
    expect(cells(APIService, object)).toMatchObject({ Service: 'n/s', Available: 'Unknown' });
  });

  it('is named after what it serves, with priorities in bounds', () => {
    expect(createProblems(APIService, apiService({ versionPriority: 1001 }, 'a'))).toEqual([
      'metadata.name: Invalid value: "a": must be `spec.version+"."+spec.group`: "v1.a.example"',
      'spec.versionPriority: Invalid value: 1001: must be positive and less than 1000',
    ]);
  });
});
