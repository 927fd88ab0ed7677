/** Validation of the names that a pod resolves and is known by. */
import type { DeepReadonly } from '../../base/deep.ts';
import { at, child, type FieldError, invalid, required } from '../machinery/field-error.ts';
import { dns1123Subdomain, dns1123SubdomainWithUnderscore } from '../machinery/names.ts';
import type { HostAlias, PodDNSConfig } from '../types/core-v1.ts';
import { invalidEach } from './field-rules.ts';
import { validateIp } from './ip-rules.ts';

const maxNameservers = 3;
const maxSearches = 32;
const maxSearchCharacters = 2048;

/** The resolver's configuration, within what libc reads. */
export function validateDnsConfig(
  config: DeepReadonly<PodDNSConfig> | undefined,
  policy: string | undefined,
  path: string,
): FieldError[] {
  if (policy === 'None') {
    if (!config) return [required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')];
    if (!config.nameservers?.length) {
      const detail = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
      return [required(child(path, 'nameservers'), detail)];
    }
  }
  if (!config) return [];
  const { nameservers = [], searches = [], options = [] } = config;
  const errors: FieldError[] = [];
  const serversPath = child(path, 'nameservers');
  const searchesPath = child(path, 'searches');
  if (nameservers.length > maxNameservers) {
    errors.push(invalid(serversPath, nameservers, `must not have more than ${maxNameservers} nameservers`));
  }
  for (const [i, server] of nameservers.entries()) errors.push(...validateIp(server, at(serversPath, i)));
  if (searches.length > maxSearches) {
    errors.push(invalid(searchesPath, searches, `must not have more than ${maxSearches} search paths`));
  }
  if (searches.join(' ').length > maxSearchCharacters) {
    const detail = `must not have more than ${maxSearchCharacters} characters (including spaces) in the search list`;
    errors.push(invalid(searchesPath, searches, detail));
  }
  for (const [i, search] of searches.entries()) {
    if (search === '.') continue;
    const name = search.replace(/\.$/, '');
    errors.push(...invalidEach(at(searchesPath, i), name, dns1123SubdomainWithUnderscore(name)));
  }
  for (const [i, option] of options.entries()) {
    if (!option.name) errors.push(required(at(child(path, 'options'), i), 'must not be empty'));
  }
  return errors;
}

/** Lines for the hosts file. */
export function validateHostAliases(
  aliases: readonly DeepReadonly<HostAlias>[] | undefined,
  path: string,
): FieldError[] {
  return (aliases ?? []).flatMap(({ ip, hostnames }, i) => [
    ...validateIp(ip, child(at(path, i), 'ip')),
    ...(hostnames ?? []).flatMap((name, j) =>
      invalidEach(at(child(at(path, i), 'hostnames'), j), name, dns1123Subdomain(name)),
    ),
  ]);
}
