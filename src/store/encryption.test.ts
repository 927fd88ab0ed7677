import { describe, expect, it } from 'vitest';
import { realClock } from '../base/clock.ts';
import { createObjectCache } from './cache.ts';
import { createEncryption, parseEncryptionConfiguration } from './encryption.ts';
import { createJsonCodec } from './json-codec.ts';
import { openMemoryStore } from './memory.ts';

const key = (name: string, fill: number) => ({ name, secret: new Uint8Array(32).fill(fill) });
const plain = Buffer.from('{"kind":"Secret","metadata":{"name":"a"},"data":{"password":"aHVudGVyMg=="}}');
const path = '/registry/secrets/default/a';

describe('encryption at rest', () => {
  it('hides the value, names the key, and gives the value back', () => {
    const { toStored, fromStored } = createEncryption([key('one', 1)]);
    const stored = Buffer.from(toStored(plain, path));
    expect(stored.toString('latin1')).toMatch(/^k8s:enc:aesgcm:v1:one:/);
    expect(stored.includes('password')).toBe(false);
    expect(stored.equals(Buffer.from(toStored(plain, path)))).toBe(false);
    expect(Buffer.from(fromStored(stored, path)).equals(plain)).toBe(true);
  });

  it('reads what older keys and no key wrote, and writes with the first', () => {
    const old = createEncryption([key('one', 1)]).toStored(plain, path);
    const rotated = createEncryption([key('two', 2), key('one', 1)]);
    expect(Buffer.from(rotated.fromStored(old, path)).equals(plain)).toBe(true);
    expect(Buffer.from(rotated.fromStored(plain, path)).equals(plain)).toBe(true);
    expect(Buffer.from(rotated.toStored(plain, path)).toString('latin1')).toMatch(/^k8s:enc:aesgcm:v1:two:/);
  });

  it('knows what it would write otherwise now', () => {
    const one = createEncryption([key('one', 1)]);
    const byOne = one.toStored(plain, path);
    expect([one.isStale(byOne), one.isStale(plain)]).toEqual([false, true]);
    expect(createEncryption([key('two', 2), key('one', 1)]).isStale(byOne)).toBe(true);
    expect(createEncryption([{ ...key('one', 1), provider: 'aescbc' }, key('one', 1)]).isStale(byOne)).toBe(true);
    const back = createEncryption([key('one', 1)], { writePlain: true });
    expect([back.isStale(byOne), back.isStale(plain)]).toEqual([true, false]);
  });

  it('refuses a value with a key it has not, of another object, or that was changed', () => {
    const { toStored, fromStored } = createEncryption([key('one', 1)]);
    const stored = toStored(plain, path);
    expect(() => createEncryption([key('two', 2)]).fromStored(stored, path)).toThrow(/the key "one", which is not in/);
    expect(() => createEncryption([key('one', 9)]).fromStored(stored, path)).toThrow(/wrong key or damaged/);
    expect(() => fromStored(stored, '/registry/secrets/default/b')).toThrow(/wrong key or damaged/);
    const changed = Uint8Array.from(stored);
    changed[changed.length - 1]! ^= 1;
    expect(() => fromStored(changed, path)).toThrow(/wrong key or damaged/);
    expect(() => fromStored(Buffer.from('k8s:enc:kms:v2:x:123'), path)).toThrow(/does not know/);
  });

  it('hides with AES-CBC as upstream stores it, and reads what that wrote', () => {
    const cbc = createEncryption([{ ...key('one', 1), provider: 'aescbc' }]);
    const stored = Buffer.from(cbc.toStored(plain, path));
    expect(stored.toString('latin1')).toMatch(/^k8s:enc:aescbc:v1:one:/);
    expect(stored.length).toBe('k8s:enc:aescbc:v1:one:'.length + 16 + Math.ceil((plain.length + 1) / 16) * 16);
    expect(stored.includes('password')).toBe(false);
    expect(Buffer.from(cbc.fromStored(stored, path)).equals(plain)).toBe(true);
    // A key of the same name for another cipher is another key.
    const both = createEncryption([key('one', 2), { ...key('one', 1), provider: 'aescbc' }]);
    expect(Buffer.from(both.fromStored(stored, path)).equals(plain)).toBe(true);
    expect(Buffer.from(both.toStored(plain, path)).toString('latin1')).toMatch(/^k8s:enc:aesgcm:v1:one:/);
    expect(() => createEncryption([key('one', 1)]).fromStored(stored, path)).toThrow(/the key "one", which is not in/);
    expect(() => cbc.fromStored(stored.subarray(0, stored.length - 1), path)).toThrow(/wrong key or damaged/);
  });

  it('refuses keys that AES does not take, and names that cannot be told apart', () => {
    expect(() => createEncryption([])).toThrow(/at least one key/);
    expect(() => createEncryption([{ name: 'a', secret: new Uint8Array(20) }])).toThrow(/20 bytes/);
    expect(() => createEncryption([key('a', 1), key('a', 2)])).toThrow(/same name/);
    expect(() => createEncryption([key('a:b', 1)])).toThrow(/":"/);
  });

  it('keeps a secret out of the store, while readers of the cache get it', async () => {
    const store = openMemoryStore();
    const cache = createObjectCache(store, { clock: realClock });
    const codec = createJsonCodec<{ metadata: { name: string } }>({ transformer: createEncryption([key('one', 1)]) });
    const secrets = await cache.resource('/registry/secrets/', codec);
    await cache.commit([{ resource: secrets, key: path, object: JSON.parse(plain.toString()) }]);
    expect(Buffer.from((await store.get(path))!.value).includes('password')).toBe(false);
    const again = createObjectCache(store, { clock: realClock });
    const entry = (await again.resource('/registry/secrets/', codec)).get(path)!;
    expect(JSON.parse(Buffer.from(entry.json).toString())).toMatchObject({ data: { password: 'aHVudGVyMg==' } });
    expect(entry.object).toMatchObject({ metadata: { name: 'a', resourceVersion: '2' } });
    await cache.close();
    await again.close();
  });

  it("reads upstream's configuration file", () => {
    const secret = Buffer.alloc(32, 5).toString('base64');
    const text = (providers: string) =>
      `{kind: EncryptionConfiguration, apiVersion: apiserver.config.k8s.io/v1, resources: [{resources: [secrets], providers: [${providers}]}]}`;
    const aes = `{aesgcm: {keys: [{name: k1, secret: ${secret}}]}}`;
    const on = parseEncryptionConfiguration(text(`${aes}, {identity: {}}`)).get('secrets')!;
    expect(Buffer.from(on.toStored(plain, path)).toString('latin1')).toMatch(/^k8s:enc:aesgcm:v1:k1:/);
    const off = parseEncryptionConfiguration(text(`{identity: {}}, ${aes}`)).get('secrets')!;
    expect(off.toStored(plain, path)).toBe(plain);
    expect(Buffer.from(off.fromStored(on.toStored(plain, path), path)).equals(plain)).toBe(true);
    const cbc = parseEncryptionConfiguration(text(aes.replace('aesgcm', 'aescbc'))).get('secrets')!;
    expect(Buffer.from(cbc.toStored(plain, path)).toString('latin1')).toMatch(/^k8s:enc:aescbc:v1:k1:/);
    expect(() => parseEncryptionConfiguration(text('{kms: {}}'))).toThrow(/kms is not known/);
    expect(() => parseEncryptionConfiguration('kind: Pod')).toThrow(/no EncryptionConfiguration/);
  });

  it('encrypts the resources that the file names, one by one, by group or all, the first rule first', () => {
    const providers = (name: string) => [
      { aesgcm: { keys: [{ name, secret: Buffer.alloc(32, 5).toString('base64') }] } },
    ];
    const rules = parseEncryptionConfiguration(
      JSON.stringify({
        kind: 'EncryptionConfiguration',
        resources: [
          { resources: ['events', 'leases.coordination.k8s.io'], providers: [{ identity: {} }] },
          { resources: ['secrets'], providers: providers('own') },
          { resources: ['*.', '*.apps'], providers: providers('group') },
          { resources: ['secrets', '*.*'], providers: providers('rest') },
        ],
      }),
    );
    const keyOf = (resource: string) =>
      /v1:(\w+):/.exec(Buffer.from(rules.get(resource)?.toStored(plain, path) ?? '').toString('latin1'))?.[1];
    expect(
      ['secrets', 'configmaps', 'deployments.apps', 'widgets.example.com', 'events', 'leases.coordination.k8s.io'].map(
        keyOf,
      ),
    ).toEqual(['own', 'group', 'group', 'rest', undefined, undefined]);
    const some = parseEncryptionConfiguration(
      JSON.stringify({
        kind: 'EncryptionConfiguration',
        resources: [{ resources: ['secrets'], providers: providers('a') }],
      }),
    );
    expect(some.get('configmaps')).toBeUndefined();
  });
});
