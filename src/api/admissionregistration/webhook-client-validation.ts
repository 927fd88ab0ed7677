/** Validation of how webhooks are reached: admission, conversion and API services share it. */
import type { DeepReadonly } from '../../base/deep.ts';
import { invalidEach } from '../core/field-rules.ts';
import { child, type FieldError, invalid, required } from '../machinery/field-error.ts';
import { dns1123Subdomain, portNumber } from '../machinery/names.ts';
import type { WebhookClientConfig } from '../types/admissionregistration-v1.ts';

const urlForm = '; desired format: https://host[/path]';

/** Exactly one of URL and service, and that right. */
export function validateClientConfig({ url, service }: DeepReadonly<WebhookClientConfig>, path: string): FieldError[] {
  if ((url === undefined) === (service === undefined)) {
    return [required(path, 'exactly one of url or service is required')];
  }
  return url === undefined
    ? validateServiceReference(service!, child(path, 'service'))
    : validateUrl(url, child(path, 'url'));
}

function validateUrl(text: string, path: string): FieldError[] {
  const parsed = URL.parse(text);
  if (!parsed) {
    const detail = `url must be a valid URL: parse ${JSON.stringify(text)}: invalid URI for request${urlForm}`;
    return [required(path, detail)];
  }
  const errors: FieldError[] = [];
  const scheme = parsed.protocol.slice(0, -1);
  if (scheme !== 'https') errors.push(invalid(path, scheme, `'https' is the only allowed URL scheme${urlForm}`));
  if (!parsed.host) errors.push(invalid(path, '', `host must be specified${urlForm}`));
  if (parsed.username || parsed.password) {
    errors.push(invalid(path, parsed.username, 'user information is not permitted in the URL'));
  }
  if (parsed.hash) errors.push(invalid(path, parsed.hash.slice(1), 'fragments are not permitted in the URL'));
  if (parsed.search) {
    errors.push(invalid(path, parsed.search.slice(1), 'query parameters are not permitted in the URL'));
  }
  return errors;
}

interface ServiceReference {
  readonly namespace: string;
  readonly name: string;
  readonly path?: string;
  readonly port?: number;
}

function validateServiceReference(service: ServiceReference, path: string): FieldError[] {
  const { name, namespace, port = 443, path: urlPath } = service;
  const errors: FieldError[] = [];
  if (!name) errors.push(required(child(path, 'name'), 'service name is required'));
  if (!namespace) errors.push(required(child(path, 'namespace'), 'service namespace is required'));
  const problems = portNumber(port);
  if (problems.length) errors.push(invalid(child(path, 'port'), port, `port is not valid: ${problems.join(',')}`));
  if (urlPath === undefined || urlPath === '/') return errors;
  return [...errors, ...validateUrlPath(urlPath, child(path, 'path'))];
}

function validateUrlPath(urlPath: string, path: string): FieldError[] {
  if (!urlPath) return [];
  const errors = urlPath.startsWith('/') ? [] : [invalid(path, urlPath, "must start with a '/'")];
  let steps = (urlPath.startsWith('/') ? urlPath.slice(1) : urlPath).split('/');
  if (steps.length > 1 && steps.at(-1) === '') steps = steps.slice(0, -1);
  for (const [i, step] of steps.entries()) {
    if (!step) return [...errors, invalid(path, urlPath, `segment[${i}] may not be empty`)];
    errors.push(
      ...invalidEach(
        path,
        urlPath,
        dns1123Subdomain(step).map((problem) => `segment[${i}]: ${problem}`),
      ),
    );
  }
  return errors;
}
