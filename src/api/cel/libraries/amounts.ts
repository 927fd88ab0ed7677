/** Kubernetes' quantity, semver and named-format functions. */
import { Optional } from '@marcbachmann/cel-js';
import type { Environment } from '@marcbachmann/cel-js/evaluator';
import {
  cIdentifier,
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  labelValue,
  qualifiedName,
} from '../../machinery/names.ts';
import { Quantity } from '../../machinery/quantity.ts';
import { register, registerNamespace } from './register.ts';

class CelSemver {
  readonly parts: readonly [bigint, bigint, bigint];
  readonly prerelease: readonly string[];

  constructor(text: string) {
    const match = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/.exec(text);
    if (!match) throw new Error(`invalid semver ${JSON.stringify(text)}`);
    this.parts = [BigInt(match[1]!), BigInt(match[2]!), BigInt(match[3]!)];
    this.prerelease = match[4]?.split('.') ?? [];
  }
}

/** `v1.02` becomes `1.2.0`. */
function normalized(text: string): string {
  const [core = '', ...rest] = text.replace(/^v/, '').split(/(?=[-+])/);
  const numbers = core.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  while (numbers.length < 3) numbers.push('0');
  return numbers.join('.') + rest.join('');
}

function compareSemver(a: CelSemver, b: CelSemver): bigint {
  for (const i of [0, 1, 2] as const) if (a.parts[i] !== b.parts[i]) return a.parts[i] < b.parts[i] ? -1n : 1n;
  if (a.prerelease.length === 0 || b.prerelease.length === 0) {
    return BigInt(Math.sign(b.prerelease.length - a.prerelease.length));
  }
  for (let i = 0; i < Math.max(a.prerelease.length, b.prerelease.length); i++) {
    const [left, right] = [a.prerelease[i], b.prerelease[i]];
    if (left === undefined) return -1n;
    if (right === undefined) return 1n;
    if (left === right) continue;
    const [leftNumeric, rightNumeric] = [/^\d+$/.test(left), /^\d+$/.test(right)];
    if (leftNumeric && rightNumeric) return BigInt(left) < BigInt(right) ? -1n : 1n;
    if (leftNumeric !== rightNumeric) return leftNumeric ? -1n : 1n;
    return left < right ? -1n : 1n;
  }
  return 0n;
}

/** The value of a version in an expression. Throws when it is none. */
export const semverValue = (text: string): unknown => new CelSemver(text);

class CelFormat {
  readonly check: (text: string) => string[];

  constructor(check: (text: string) => string[]) {
    this.check = check;
  }
}

const matchesForm = (form: RegExp, problem: string) => (text: string) => (form.test(text) ? [] : [problem]);

const formats: Readonly<Record<string, CelFormat>> = {
  dns1123Label: new CelFormat(dns1123Label),
  dns1123Subdomain: new CelFormat(dns1123Subdomain),
  dns1035Label: new CelFormat(dns1035Label),
  qualifiedName: new CelFormat(qualifiedName),
  dns1123LabelPrefix: new CelFormat((text) => dns1123Label(text.replace(/-$/, '') || text)),
  dns1123SubdomainPrefix: new CelFormat((text) => dns1123Subdomain(text.replace(/-$/, '') || text)),
  dns1035LabelPrefix: new CelFormat((text) => dns1035Label(text.replace(/-$/, '') || text)),
  labelValue: new CelFormat(labelValue),
  cIdentifier: new CelFormat(cIdentifier),
  uri: new CelFormat((text) => (URL.canParse(text) ? [] : ['not a valid URI'])),
  uuid: new CelFormat(matchesForm(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'does not match the UUID format')),
  byte: new CelFormat(
    matchesForm(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'invalid base64'),
  ),
  date: new CelFormat((text) =>
    /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) ? [] : ['invalid date'],
  ),
  datetime: new CelFormat((text) =>
    /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}/.test(text) && !Number.isNaN(Date.parse(text)) ? [] : ['invalid datetime'],
  ),
};

function parses(make: () => unknown): boolean {
  try {
    make();
    return true;
  } catch {
    return false;
  }
}

/** Adds the functions. */
export function registerAmounts(environment: Environment): void {
  environment.registerType('kubernetes.Quantity', Quantity as never);
  environment.registerType('kubernetes.Semver', CelSemver as never);
  environment.registerType('kubernetes.NamedFormat', CelFormat as never);
  const format = registerNamespace(environment, 'format');
  const parse = (text: string) => Quantity.parse(text);
  const isWhole = (q: Quantity) => q.milliValue() % 1000 === 0;
  register(environment, {
    'quantity(string): kubernetes.Quantity': parse,
    'isQuantity(string): bool': (text: string) => parses(() => Quantity.parse(text)),
    'kubernetes.Quantity.sign(): int': (q: Quantity) => BigInt(q.sign()),
    'kubernetes.Quantity.isInteger(): bool': isWhole,
    'kubernetes.Quantity.asInteger(): int': (q: Quantity) => {
      if (!isWhole(q)) throw new Error('cannot convert value to integer');
      return BigInt(q.value());
    },
    'kubernetes.Quantity.asApproximateFloat(): double': (q: Quantity) => q.toNumber(),
    'kubernetes.Quantity.isGreaterThan(kubernetes.Quantity): bool': (a: Quantity, b: Quantity) => a.cmp(b) > 0,
    'kubernetes.Quantity.isLessThan(kubernetes.Quantity): bool': (a: Quantity, b: Quantity) => a.cmp(b) < 0,
    'kubernetes.Quantity.compareTo(kubernetes.Quantity): int': (a: Quantity, b: Quantity) => BigInt(a.cmp(b)),
    'kubernetes.Quantity.add(kubernetes.Quantity): kubernetes.Quantity': (a: Quantity, b: Quantity) => a.add(b),
    'kubernetes.Quantity.sub(kubernetes.Quantity): kubernetes.Quantity': (a: Quantity, b: Quantity) => a.sub(b),
    'kubernetes.Quantity.add(int): kubernetes.Quantity': (a: Quantity, b: bigint) => a.add(Quantity.of(b)),
    'kubernetes.Quantity.sub(int): kubernetes.Quantity': (a: Quantity, b: bigint) => a.sub(Quantity.of(b)),
    'semver(string): kubernetes.Semver': (text: string) => new CelSemver(text),
    'semver(string, bool): kubernetes.Semver': (text: string, loose: boolean) =>
      new CelSemver(loose ? normalized(text) : text),
    'isSemver(string): bool': (text: string) => parses(() => new CelSemver(text)),
    'isSemver(string, bool): bool': (text: string, loose: boolean) =>
      parses(() => new CelSemver(loose ? normalized(text) : text)),
    'kubernetes.Semver.major(): int': (v: CelSemver) => v.parts[0],
    'kubernetes.Semver.minor(): int': (v: CelSemver) => v.parts[1],
    'kubernetes.Semver.patch(): int': (v: CelSemver) => v.parts[2],
    'kubernetes.Semver.compareTo(kubernetes.Semver): int': compareSemver,
    'kubernetes.Semver.isGreaterThan(kubernetes.Semver): bool': (a: CelSemver, b: CelSemver) =>
      compareSemver(a, b) > 0n,
    'kubernetes.Semver.isLessThan(kubernetes.Semver): bool': (a: CelSemver, b: CelSemver) => compareSemver(a, b) < 0n,
    [`${format}.named(string): optional<kubernetes.NamedFormat>`]: (_: unknown, name: string) =>
      Optional.of(Object.hasOwn(formats, name) ? formats[name] : undefined),
    'kubernetes.NamedFormat.validate(string): optional<list<string>>': (one: CelFormat, text: string) => {
      const problems = one.check(text);
      return problems.length ? Optional.of(problems) : Optional.none();
    },
    ...Object.fromEntries(
      Object.entries(formats).map(([name, one]) => [`${format}.${name}(): kubernetes.NamedFormat`, () => one]),
    ),
  });
  environment.registerOperator(
    'kubernetes.Quantity == kubernetes.Quantity',
    ((a: Quantity, b: Quantity) => a.cmp(b) === 0) as never,
  );
  environment.registerOperator(
    'kubernetes.Semver == kubernetes.Semver',
    ((a: CelSemver, b: CelSemver) => compareSemver(a, b) === 0n) as never,
  );
}
