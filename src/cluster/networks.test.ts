import { describe, expect, it } from 'vitest';
import { blockOf, firstNodeCidr, serviceAddress } from './networks.ts';

describe('networks', () => {
  it('count their addresses', () => {
    expect(serviceAddress('10.96.0.0/16', 1)).toBe('10.96.0.1');
    expect(serviceAddress('10.96.0.0/16', 256)).toBe('10.96.1.0');
    expect(serviceAddress('192.168.255.0/24', 10)).toBe('192.168.255.10');
  });

  it('give their first node a /24, or all of a smaller one', () => {
    expect(firstNodeCidr('10.244.0.0/16')).toBe('10.244.0.0/24');
    expect(firstNodeCidr('10.244.8.0/26')).toBe('10.244.8.0/26');
  });

  it('are divided by name, the same name always alike', () => {
    const one = blockOf('10.244.0.0/16', 'one');
    expect(one).toMatch(/^10\.244\.\d+\.0\/20$/);
    expect(blockOf('10.244.0.0/16', 'one')).toBe(one);
    expect(blockOf('10.244.0.0/16', 'two')).not.toBe(one);
    expect(blockOf('10.244.0.0/28', 'one')).toBe('10.244.0.0/28');
  });
});
