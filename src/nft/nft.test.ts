import { describe, expect, it } from 'vitest';
import { ElementLedger } from './element-ledger.ts';
import { createNftRunner, NftError, type ProgramResult, RecordingNft } from './nft-runner.ts';
import { clusterTable, Transaction } from './transaction.ts';

const table = clusterTable('test');
const changes = (ledger: ElementLedger) => {
  const transaction = new Transaction(table);
  ledger.write(transaction);
  return transaction
    .toString()
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '');
};

describe('a transaction', () => {
  it('is the statements in their order, elements of a set gathered', () => {
    const transaction = new Transaction(table)
      .addTable()
      .addSet({ name: 's', key: 'ipv4_addr . inet_service' })
      .addSet({
        name: 'm',
        key: 'ip daddr',
        data: 'tcp dport',
        byExpression: true,
        flags: ['dynamic'],
        size: 9,
        timeoutSeconds: 5,
      })
      .setChain('c', ['accept'], { type: 'filter', hook: 'input', priority: -10 })
      .addElement({ set: 's', key: '10.0.0.1 . 80' })
      .addElement({ set: 's', key: '10.0.0.2 . 80' })
      .deleteElement({ set: 's', key: '10.0.0.3 . 80' })
      .addElement({ set: 'm', key: '10.0.0.1', data: '80' })
      .flushSet({ name: 'm', data: 'x' });
    expect(transaction.toString()).toBe(`add table inet timonel-test
add set inet timonel-test s { type ipv4_addr . inet_service; }
add map inet timonel-test m { typeof ip daddr : tcp dport; flags dynamic; size 9; timeout 5s; }
add chain inet timonel-test c { type filter hook input priority -10; policy accept; }
flush chain inet timonel-test c
add rule inet timonel-test c accept
add element inet timonel-test s { 10.0.0.1 . 80, 10.0.0.2 . 80 }
delete element inet timonel-test s { 10.0.0.3 . 80 }
add element inet timonel-test m { 10.0.0.1 : 80 }
flush map inet timonel-test m
`);
  });

  it('without statements is empty, and deleting a table that may not exist is no error', () => {
    expect(new Transaction(table).empty).toBe(true);
    expect(new Transaction(table).toString()).toBe('');
    expect(new Transaction(table).deleteTable().toString()).toBe(
      'add table inet timonel-test\ndelete table inet timonel-test\n',
    );
  });
});

describe('the ledger of elements', () => {
  it('writes only what changed, deletions before additions', () => {
    const ledger = new ElementLedger();
    ledger.assign('a', [
      { set: 'm', key: '1', data: 'x' },
      { set: 'm', key: '2', data: 'y' },
    ]);
    expect(changes(ledger)).toEqual(['add element inet timonel-test m { 1 : x, 2 : y }']);
    ledger.assign('a', [
      { set: 'm', key: '1', data: 'x' },
      { set: 'm', key: '2', data: 'z' },
    ]);
    expect(changes(ledger)).toEqual([
      'delete element inet timonel-test m { 2 }',
      'add element inet timonel-test m { 2 : z }',
    ]);
    expect(ledger.dirty).toBe(false);
    expect(changes(ledger)).toEqual([]);
  });

  it('writes nothing for what changed and changed back', () => {
    const ledger = new ElementLedger();
    ledger.assign('a', [{ set: 's', key: '1' }]);
    changes(ledger);
    ledger.assign('a', []);
    ledger.assign('a', [{ set: 's', key: '1' }]);
    expect(changes(ledger)).toEqual([]);
  });

  it('keeps an element until the last owner gives it up', () => {
    const ledger = new ElementLedger();
    expect(ledger.assign('a', [{ set: 's', key: '1' }])).toEqual([]);
    expect(ledger.assign('b', [{ set: 's', key: '1' }])).toEqual([]);
    changes(ledger);
    ledger.assign('a', []);
    expect(changes(ledger)).toEqual([]);
    ledger.assign('b', []);
    expect(changes(ledger)).toEqual(['delete element inet timonel-test s { 1 }']);
  });

  it('gives a disputed element to the first owner, and to the next when that one goes', () => {
    const ledger = new ElementLedger();
    ledger.assign('a', [{ set: 'm', key: '1', data: 'x' }]);
    expect(ledger.assign('b', [{ set: 'm', key: '1', data: 'y' }])).toEqual([
      { element: { set: 'm', key: '1', data: 'y' }, owner: 'b', holder: 'a' },
    ]);
    expect(changes(ledger)).toEqual(['add element inet timonel-test m { 1 : x }']);
    ledger.assign('a', []);
    expect(changes(ledger)).toEqual([
      'delete element inet timonel-test m { 1 }',
      'add element inet timonel-test m { 1 : y }',
    ]);
  });

  it('can write everything into an empty table', () => {
    const ledger = new ElementLedger();
    ledger.assign('a', [{ set: 's', key: '1' }]);
    changes(ledger);
    ledger.assign('b', [{ set: 'm', key: '1', data: 'x' }]);
    const transaction = new Transaction(table);
    ledger.writeAll(transaction);
    expect(transaction.toString()).toBe(
      'add element inet timonel-test m { 1 : x }\nadd element inet timonel-test s { 1 }\n',
    );
    expect(ledger.dirty).toBe(false);
  });
});

describe('running nft', () => {
  const answering = (result: Partial<ProgramResult>) =>
    createNftRunner({ run: async () => ({ code: 1, stdout: '', stderr: '', ...result }) });

  it('says what to install where it is missing', async () => {
    const nft = createNftRunner({
      run: async () => Promise.reject(Object.assign(new Error('spawn'), { code: 'ENOENT' })),
    });
    await expect(nft.apply('x')).rejects.toMatchObject({
      code: 'missing',
      message: expect.stringContaining('apt-get install nftables'),
    });
  });

  it('tells a lack of privilege from a bad transaction', async () => {
    await expect(answering({ stderr: 'Error: Operation not permitted' }).apply('x')).rejects.toMatchObject({
      code: 'denied',
    });
    const failure = answering({ stderr: 'line 1: syntax error' }).apply('x');
    await expect(failure).rejects.toBeInstanceOf(NftError);
    await expect(failure).rejects.toMatchObject({ code: 'failed', output: 'line 1: syntax error' });
  });

  it('lists nothing where nothing is', async () => {
    expect(await answering({ stderr: 'Error: No such file or directory' }).list(['list', 'table'])).toEqual([]);
    await expect(answering({ stderr: 'other' }).list(['list'])).rejects.toMatchObject({ code: 'failed' });
    expect(await answering({ code: 0, stdout: '{"nftables":[{"table":{"name":"t"}}]}' }).list([])).toEqual([
      { table: { name: 't' } },
    ]);
  });

  it('can be recorded', async () => {
    const nft = new RecordingNft();
    await nft.apply('one');
    nft.failure = new Error('no');
    await expect(nft.apply('two')).rejects.toThrow('no');
    await nft.apply('three');
    expect(nft.applied).toEqual(['one', 'three']);
  });
});
