import { expect, it } from 'vitest';
import { admitted } from '../admitted.ts';
import type { Shared } from '../kind.ts';
import { Pod } from './pod.ts';

it('a status update that knows of no observed generations keeps them', () => {
  const withStatus = (status: object) => {
    const pod = admitted(Pod, { spec: { containers: [{ name: 'c', image: 'i' }] } });
    return Object.assign(pod, { status });
  };
  const condition = (type: string, observedGeneration?: number) => ({
    type,
    status: 'True',
    ...(observedGeneration ? { observedGeneration } : {}),
  });
  const old = withStatus({
    qosClass: 'BestEffort',
    observedGeneration: 3,
    conditions: [condition('Ready', 2), condition('Ready', 4), condition('Initialized', 1)],
  });
  const pod = withStatus({
    conditions: [condition('Initialized', 5), condition('Ready'), condition('Ready'), condition('Ready')],
  });
  Pod.prepareStatusUpdate!(pod, old as Shared<Pod>, { now: 0 });
  expect(pod.status).toEqual({
    qosClass: 'BestEffort',
    observedGeneration: 3,
    conditions: [condition('Initialized', 5), condition('Ready', 2), condition('Ready', 4), condition('Ready')],
  });
});
