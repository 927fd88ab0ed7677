/**
 * IP addresses and ranges in fields. Fields that are older than the strict rules were once read leniently, so updates
 * may keep a value that only those rules refuse; whatever reads addresses takes both forms for what they stand for.
 */
import { isIP } from 'node:net';
import { bytesToIp, ipToBytes } from '../../base/ip-bytes.ts';
import { type FieldError, invalid } from '../machinery/field-error.ts';
import { type Tolerable, tolerable } from './ratcheting.ts';

const leadingZeros = 'must not have leading 0s';
const mappedAddress = 'must not be an IPv4-mapped IPv6 address';
const leadingZerosInRange = 'must not have leading 0s in IP or prefix length';
const mappedRange = 'must not have an IPv4-mapped IPv6 address';
const hostBits = 'must not have bits set beyond the prefix length';

/** A value that only the strict rules refuse may stay in an update. */
export const keptAddresses: Tolerable = tolerable({
  detail: new RegExp(`^(${[leadingZeros, mappedAddress, leadingZerosInRange, mappedRange, hostBits].join('|')})$`),
  sameValue: true,
});

/** An IPv4 or IPv6 address. */
export function validateIp(value: string, path: string): FieldError[] {
  const problem = addressProblem(value);
  return problem ? [invalid(path, value, problem)] : [];
}

function addressProblem(value: string): string | undefined {
  if (!isAddress(value)) {
    return isAddress(withoutLeadingZeros(value))
      ? leadingZeros
      : 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
  }
  return isMapped(value) ? mappedAddress : undefined;
}

/** An address range as a rule of its own takes it: address and prefix length, whatever the bits beyond that. */
export function isCidr(value: string): boolean {
  const { address, bits } = split(value);
  return isAddress(address) && /^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= width(address);
}

/** An address range, with upstream's message. */
export function validateCidr(value: string, path: string): FieldError[] {
  const problem = rangeProblem(value);
  return problem ? [invalid(path, value, problem)] : [];
}

function rangeProblem(value: string): string | undefined {
  const { address, bits } = split(value);
  if (!isCidr(value)) {
    const plain = `${withoutLeadingZeros(address)}/${bits.replace(/^0+(?=\d)/, '')}`;
    return isCidr(plain) ? leadingZerosInRange : 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
  }
  if (isMapped(address)) return mappedRange;
  return hasBitsBeyond(ipToBytes(address), Number(bits)) ? hostBits : undefined;
}

/** A valid range in the one form that each has. */
export function canonicalCidr(value: string): string {
  const { address, bits } = split(value);
  return `${bytesToIp(ipToBytes(address))}/${Number(bits)}`;
}

/** Whether an IPv6 address stands for an IPv4 one. */
export function isMapped(address: string): boolean {
  if (isIP(address) !== 6) return false;
  const bytes = ipToBytes(address);
  return bytes.subarray(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 0xff));
}

const isAddress = (value: string): boolean => isIP(value) !== 0 && !value.includes('%');

const width = (address: string): number => (isIP(address) === 4 ? 32 : 128);

/** IPv4 parts with zeros before them, which were once ignored. */
const withoutLeadingZeros = (value: string): string => value.replace(/(^|[.:])0+(?=\d+(\.|$))/g, '$1');

function split(value: string): { address: string; bits: string } {
  const slash = value.indexOf('/');
  return slash < 0 ? { address: value, bits: '' } : { address: value.slice(0, slash), bits: value.slice(slash + 1) };
}

function hasBitsBeyond(bytes: Uint8Array, prefix: number): boolean {
  return bytes.some((byte, i) => {
    const kept = Math.min(8, Math.max(0, prefix - 8 * i));
    return (byte & (0xff >> kept)) !== 0;
  });
}
