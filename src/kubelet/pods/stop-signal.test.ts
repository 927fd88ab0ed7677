import { expect, it } from 'vitest';
import { signalNumber } from './stop-signal.ts';

it.each([
  ['SIGTERM', 15],
  ['SIGUSR1', 10],
  ['SIGCLD', 17],
  ['SIGPOLL', 29],
  ['SIGRTMIN', 34],
  ['SIGRTMIN+3', 37],
  ['SIGRTMAX', 64],
  ['SIGRTMAX-14', 50],
  ['SIGRTMIN+40', undefined],
  ['SIGNOTHING', undefined],
])('%s is the signal %s', (name, number) => {
  expect(signalNumber(name)).toBe(number);
});
