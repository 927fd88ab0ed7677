import type { DatabaseSync } from 'node:sqlite';

/** Marks the file as a Timonel store (`TMNL`). */
export const applicationId = 0x544d4e4c;

/** A step from one schema version to the next; runs in a transaction. */
export interface Migration {
  /** The version after it. */
  readonly version: number;
  readonly statements: readonly string[];
}

/**
 * `log` has a row for each write that history still holds and for each current value. `id` is revision × 1024 plus the
 * position in the commit, so rows are in commit order; `previous` is the row that this one replaces, so that compaction
 * needs to look only at the rows of the revisions that it forgets. A row without a value is a deletion.
 */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    statements: [
      `CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID`,
      `CREATE TABLE log (
         id INTEGER PRIMARY KEY,
         key TEXT NOT NULL,
         created INTEGER NOT NULL,
         previous INTEGER,
         sum INTEGER NOT NULL,
         value BLOB
       ) STRICT`,
      `CREATE INDEX log_by_key ON log (key, id)`,
      `INSERT INTO meta VALUES ('compacted', 0), ('swept', 0)`,
    ],
  },
];

export function newestSchema(steps: readonly Migration[]): number {
  return steps.at(-1)?.version ?? 0;
}

/** Brings a database from its version to the newest, all or nothing. */
export function migrate(db: DatabaseSync, from: number, steps: readonly Migration[]): void {
  const due = steps.filter((step) => step.version > from);
  if (due.length === 0) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const { version, statements } of due) {
      for (const statement of statements) db.exec(statement);
      db.exec(`PRAGMA user_version = ${version}`);
    }
    db.exec(`PRAGMA application_id = ${applicationId}`);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
