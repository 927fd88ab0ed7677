/** The string formats that CRD schemas may ask for; unknown ones are not checked, as upstream. */
import { isIP, isIPv4, isIPv6 } from 'node:net';

type Check = (text: string) => boolean;

const pattern =
  (regex: RegExp): Check =>
  (text) =>
    regex.test(text);

const isDate: Check = (text) => {
  const found = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!found) return false;
  const time = new Date(Date.UTC(Number(found[1]), Number(found[2]) - 1, Number(found[3])));
  return time.getUTCMonth() === Number(found[2]) - 1 && time.getUTCDate() === Number(found[3]);
};

const isCidr: Check = (text) => {
  const [ip = '', bits = '', more] = text.split('/');
  if (more !== undefined || !isIP(ip) || !/^\d{1,3}$/.test(bits)) return false;
  return Number(bits) <= (isIPv4(ip) ? 32 : 128);
};

const formats: Readonly<Record<string, Check>> = {
  'date-time': (text) =>
    /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.test(text) &&
    !Number.isNaN(Date.parse(text)),
  date: isDate,
  email: pattern(/^[^\s@]+@[^\s@]+$/),
  hostname: (text) =>
    text.length <= 253 &&
    /^([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)*[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.?$/.test(text),
  ipv4: isIPv4,
  ipv6: isIPv6,
  cidr: isCidr,
  mac: pattern(/^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/),
  uuid: pattern(/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i),
  uuid3: pattern(/^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i),
  uuid4: pattern(/^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i),
  uuid5: pattern(/^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i),
  uri: (text) => URL.canParse(text) || /^\/[^\s]*$/.test(text),
  byte: pattern(/^[A-Za-z0-9+/]*={0,2}$/),
  duration: pattern(
    /^[+-]?(\d+(\.\d+)?\s*(ns|us|µs|μs|ms|s|m|h|d|w|nanoseconds?|microseconds?|milliseconds?|seconds?|minutes?|hours?|days?|weeks?)\s*)+$|^0$/,
  ),
  bsonobjectid: pattern(/^[0-9a-f]{24}$/i),
  isbn10: pattern(/^\d{9}[\dX]$/),
  isbn13: pattern(/^\d{13}$/),
  isbn: pattern(/^(\d{9}[\dX]|\d{13})$/),
  creditcard: pattern(/^\d{13,19}$/),
  ssn: pattern(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/),
  hexcolor: pattern(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
  rgbcolor: pattern(/^rgb\(\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*\)$/),
  'k8s-short-name': pattern(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/),
  'k8s-long-name': (text) =>
    text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text),
};

/** Whether a string has a format; formats that are not known fit everything. */
export function hasFormat(format: string, text: string): boolean {
  const check = Object.hasOwn(formats, format) ? formats[format] : undefined;
  return check ? check(text) : true;
}
