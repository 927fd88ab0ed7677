import { describe, expect, it } from 'vitest';
import { Quantity, QuantityError } from './quantity.ts';

describe('Quantity', () => {
  it.each([
    ['0', '0'],
    ['0.5', '500m'],
    ['1000m', '1'],
    ['0.0001', '100u'],
    ['1.5Gi', '1536Mi'],
    ['1024Ki', '1Mi'],
    ['1000Ki', '1000Ki'],
    ['512Ki', '512Ki'],
    ['0.5Ki', '512'],
    ['0.5Mi', '512Ki'],
    ['100000', '100k'],
    ['1e3', '1e3'],
    ['12E6', '12E6'],
    ['1000e3', '1e6'],
    ['1e-1', '100e-3'],
    ['.5', '500m'],
    ['1.', '1.'],
    ['-1.5', '-1500m'],
    ['0.1n', '1n'],
    ['1.1Ki', '1126400m'],
    ['9223372036854775807', '9223372036854775807'],
    ['0x', undefined],
  ])('writes %s as %s', (text, canonical) => {
    if (canonical === undefined) expect(() => Quantity.parse(text)).toThrow(QuantityError);
    else expect(Quantity.parse(text).toString()).toBe(canonical);
  });

  it.each([
    ['', /must match the regular expression/],
    ['abc', /must match the regular expression/],
    ['1.2.3', /must match the regular expression/],
    ['1Mib', /must match the regular expression/],
    ['1kk', /unable to parse quantity's suffix/],
    ['1e999999999', /unable to parse numeric part/],
    [`1${'0'.repeat(100_000)}`, /unable to parse numeric part/],
  ])('refuses %.20s', (text, message) => {
    expect(() => Quantity.parse(text)).toThrow(message);
    expect(Quantity.tryParse(text)).toBeUndefined();
  });

  it('computes exactly', () => {
    const sum = Quantity.parse('100m').add(Quantity.parse('0.2'));
    expect(sum.toString()).toBe('300m');
    expect(Quantity.zero.add(Quantity.parse('1Gi')).toString()).toBe('1Gi');
    expect(Quantity.parse('1Gi').sub(Quantity.parse('512Mi')).toString()).toBe('512Mi');
    expect(Quantity.parse('1').cmp(Quantity.parse('1000m'))).toBe(0);
    expect(Quantity.parse('1').cmp(Quantity.parse('1001m'))).toBe(-1);
    expect(Quantity.parse('3').neg().sign()).toBe(-1);
  });

  it('rounds up to whole numbers and thousandths', () => {
    expect(Quantity.parse('1500m').value()).toBe(2);
    expect(Quantity.parse('-1500m').value()).toBe(-2);
    expect(Quantity.parse('1500u').milliValue()).toBe(2);
    expect(Quantity.parse('2Gi').value()).toBe(2 * 1024 ** 3);
  });

  it('takes JSON numbers', () => {
    expect(Quantity.parse(1).toString()).toBe('1');
    expect(Quantity.parse(0.25).toString()).toBe('250m');
  });

  it('parses its own canonical form to itself', () => {
    for (let i = 1; i < 2000; i += 7) {
      for (const suffix of ['n', 'u', 'm', '', 'k', 'M', 'Ki', 'Mi', 'Gi', 'e3', 'e-3']) {
        const quantity = Quantity.parse(`${i}${suffix}`);
        const again = Quantity.parse(quantity.toString());
        expect(again.cmp(quantity), `${i}${suffix}`).toBe(0);
        expect(again.toString()).toBe(quantity.toString());
      }
    }
  });
});
