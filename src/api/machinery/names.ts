/**
 * The formats of names, with upstream's messages (apimachinery util/validation and api/validate/content). Each function
 * returns the reasons why the value is not of the format; none means that it is.
 */
import { type FieldError, invalid, required } from './field-error.ts';

const byteLength = (value: string) => Buffer.byteLength(value);
const full = (format: string) => new RegExp(`^(?:${format})$`);

const maxCharacters = (length: number) => `must be no more than ${length} characters`;
const maxBytes = (length: number) => `must be no more than ${length} bytes`;
const mustNotBeEmpty = 'must be non-empty';

/** `must be between 1 and 65535, inclusive`. */
export const inclusiveRange = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;

/** A message about a regular expression that did not match, with examples that do. */
export function regexMessage(message: string, format: string, ...examples: string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${format}')`;
  const quoted = examples.map((e) => `'${e}', `).join(' or ');
  return `${message} (e.g. ${quoted}regex used for validation is '${format}')`;
}

const labelFormat = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const labelPattern = full(labelFormat);
const subdomainFormat = `${labelFormat}(\\.${labelFormat})*`;
const subdomainPattern = full(subdomainFormat);
const dns1123LabelMaxLength = 63;
const dns1123SubdomainMaxLength = 253;

/** An RFC 1123 label: at most 63 lower-case letters, digits and hyphens. */
export function dns1123Label(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > dns1123LabelMaxLength) errors.push(maxCharacters(dns1123LabelMaxLength));
  if (!labelPattern.test(value)) {
    errors.push(
      subdomainPattern.test(value)
        ? 'must not contain dots'
        : regexMessage(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
            labelFormat,
            'my-name',
            '123-abc',
          ),
    );
  }
  return errors;
}

/** RFC 1123 labels with dots between them, 253 characters together. */
export function dns1123Subdomain(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > dns1123SubdomainMaxLength) errors.push(maxCharacters(dns1123SubdomainMaxLength));
  if (!subdomainPattern.test(value)) {
    errors.push(
      regexMessage(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
        subdomainFormat,
        'example.com',
      ),
    );
  }
  return errors;
}

const underscoreLabel = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const underscoreFormat = `${underscoreLabel}(\\.${underscoreLabel})*`;
const underscorePattern = full(underscoreFormat);

/** As {@link dns1123Subdomain}, with underscores allowed (DNS search domains). */
export function dns1123SubdomainWithUnderscore(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > dns1123SubdomainMaxLength) errors.push(maxCharacters(dns1123SubdomainMaxLength));
  if (!underscorePattern.test(value)) {
    errors.push(
      regexMessage(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
        underscoreFormat,
        'example.com',
      ),
    );
  }
  return errors;
}

const dns1035Format = '[a-z]([-a-z0-9]*[a-z0-9])?';
const dns1035Pattern = full(dns1035Format);

/** An RFC 1035 label: as RFC 1123, but the first character is a letter. */
export function dns1035Label(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > dns1123LabelMaxLength) errors.push(maxCharacters(dns1123LabelMaxLength));
  if (!dns1035Pattern.test(value)) {
    errors.push(
      regexMessage(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        dns1035Format,
        'my-name',
        'abc-123',
      ),
    );
  }
  return errors;
}

const wildcardFormat = `\\*\\.${subdomainFormat}`;
const wildcardPattern = full(wildcardFormat);

/** `*.` and an RFC 1123 subdomain. */
export function wildcardDns1123Subdomain(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > dns1123SubdomainMaxLength) errors.push(maxCharacters(dns1123SubdomainMaxLength));
  if (!wildcardPattern.test(value)) {
    errors.push(
      regexMessage(
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
        wildcardFormat,
        '*.example.com',
      ),
    );
  }
  return errors;
}

const qualifiedFormat = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const qualifiedPattern = full(qualifiedFormat);
const qualifiedMessage = regexMessage(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  qualifiedFormat,
  'MyName',
  'my.name',
  '123-abc',
);
const qualifiedNameMaxLength = 63;

/** A label key: a name, optionally after a DNS subdomain and a slash. Annotations, finalizers and resources use it too. */
export function qualifiedName(value: string): string[] {
  const errors: string[] = [];
  const parts = value.split('/');
  if (parts.length > 2) {
    return [
      `a valid label key ${qualifiedMessage} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = parts.at(-1)!;
  if (parts.length === 2) {
    if (parts[0] === '') errors.push(`prefix part ${mustNotBeEmpty}`);
    else errors.push(...dns1123Subdomain(parts[0]!).map((message) => `prefix part ${message}`));
  }
  if (name === '') errors.push(`name part ${mustNotBeEmpty}`);
  else if (byteLength(name) > qualifiedNameMaxLength) errors.push(`name part ${maxBytes(qualifiedNameMaxLength)}`);
  if (!qualifiedPattern.test(name)) errors.push(`name part ${qualifiedMessage}`);
  return errors;
}

const labelValueFormat = `(${qualifiedFormat})?`;
const labelValuePattern = full(labelValueFormat);

/** A label's value: empty, or at most 63 letters, digits, `-`, `_` and `.`. */
export function labelValue(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > qualifiedNameMaxLength) errors.push(maxBytes(qualifiedNameMaxLength));
  if (!labelValuePattern.test(value)) {
    errors.push(
      regexMessage(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        labelValueFormat,
        'MyValue',
        'my_value',
        '12345',
      ),
    );
  }
  return errors;
}

const identifierFormat = '[A-Za-z_][A-Za-z0-9_]*';
const identifierPattern = full(identifierFormat);

/** An identifier of the C language. */
export function cIdentifier(value: string): string[] {
  if (identifierPattern.test(value)) return [];
  return [
    regexMessage(
      "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
      identifierFormat,
      'my_name',
      'MY_NAME',
      'MyName',
    ),
  ];
}

/** A port number from 1 to 65535. */
export function portNumber(port: number): string[] {
  return port >= 1 && port <= 65535 ? [] : [inclusiveRange(1, 65535)];
}

/** A user or group id: an unsigned 32-bit number. */
export function userId(id: number): string[] {
  return id >= 0 && id <= 0xffffffff ? [] : [inclusiveRange(0, 0xffffffff)];
}

/** An IANA service name: at most 15 lower-case letters, digits and single hyphens, with a letter among them. */
export function portName(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > 15) errors.push(maxCharacters(15));
  if (!/^[-a-z0-9]+$/.test(value)) {
    errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(value)) errors.push('must contain at least one letter (a-z)');
  if (value.includes('--')) errors.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}

/** A whole number and a percent sign. */
export function percent(value: string): string[] {
  if (/^[0-9]+%$/.test(value)) return [];
  return [
    regexMessage("a valid percent string must be a numeric string followed by an ending '%'", '[0-9]+%', '1%', '93%'),
  ];
}

/** The name of an HTTP header field. */
export function httpHeaderName(value: string): string[] {
  if (/^[-A-Za-z0-9]+$/.test(value)) return [];
  return [
    regexMessage(
      "a valid HTTP header must consist of alphanumeric characters or '-'",
      '[-A-Za-z0-9]+',
      'X-Header-Name',
    ),
  ];
}

function parentDirectory(value: string): string[] {
  if (value === '.') return ["must not be '.'"];
  if (value === '..') return ["must not be '..'"];
  return value.startsWith('..') ? ["must not start with '..'"] : [];
}

/** The name of an environment variable as v1.36 accepts it: printable ASCII without `=`. */
export function relaxedEnvVarName(value: string): string[] {
  if (value === '') return [`environment variable name ${mustNotBeEmpty}`];
  if (/^[ -<>-~]+$/.test(value)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

const configMapKeyPattern = /^[-._a-zA-Z0-9]+$/;

/** A key of a ConfigMap's or Secret's data. */
export function configMapKey(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > dns1123SubdomainMaxLength) errors.push(maxCharacters(dns1123SubdomainMaxLength));
  if (!configMapKeyPattern.test(value)) {
    errors.push(
      regexMessage(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        '[-._a-zA-Z0-9]+',
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  }
  return [...errors, ...parentDirectory(value)];
}

/** A name that is only used as a URL path segment (RBAC objects, and what every name must satisfy at least). */
export function pathSegmentName(value: string, prefix = false): string[] {
  if (!prefix && (value === '.' || value === '..')) return [`may not be '${value}'`];
  const errors: string[] = [];
  for (const character of ['/', '%']) if (value.includes(character)) errors.push(`may not contain '${character}'`);
  return errors;
}

/** A generateName may end with a hyphen, because random letters follow. */
const completed = (name: string, prefix: boolean) =>
  prefix && name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;

/** `validateName` of kinds whose names are DNS-1123 subdomains (the default). */
export const nameIsDnsSubdomain = (name: string, prefix: boolean): string[] =>
  dns1123Subdomain(completed(name, prefix));
/** `validateName` of kinds whose names are DNS-1123 labels. */
export const nameIsDnsLabel = (name: string, prefix: boolean): string[] => dns1123Label(completed(name, prefix));

/** A domain name of at least three segments: CSR signers' and finalizers' older rule. */
export function fullyQualifiedName(path: string, name: string): FieldError[] {
  if (name === '') return [required(path)];
  const errors = dns1123Subdomain(name);
  if (errors.length) return [invalid(path, name, errors.join(','))];
  if (name.split('.').length < 3) {
    return [invalid(path, name, 'should be a domain with at least three segments separated by dots')];
  }
  return [];
}

/** A domain name of at least two segments; a trailing dot is allowed. */
export function fullyQualifiedDomainName(path: string, name: string): FieldError[] {
  if (name === '') return [required(path)];
  const bare = name.endsWith('.') ? name.slice(0, -1) : name;
  const errors = dns1123Subdomain(bare);
  if (errors.length) return [invalid(path, bare, errors.join(','))];
  const segments = bare.split('.');
  if (segments.length < 2) {
    return [invalid(path, bare, 'should be a domain with at least two segments separated by dots')];
  }
  for (const segment of segments) {
    const wrong = dns1123Label(segment);
    if (wrong.length) return [invalid(path, segment, wrong.join(','))];
  }
  return [];
}

/** A subdomain, a slash and an HTTP path: `acme.io/foo/bar`. */
export function domainPrefixedPath(path: string, value: string): FieldError[] {
  if (value === '') return [required(path)];
  const slash = value.indexOf('/');
  if (slash <= 0 || slash === value.length - 1) {
    return [invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  const host = value.slice(0, slash);
  const rest = value.slice(slash + 1);
  const errors = dns1123Subdomain(host).map((message) => invalid(path, host, message));
  const format = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
  if (!full(format).test(rest)) errors.push(invalid(path, rest, regexMessage('Invalid path', format)));
  return errors;
}
