import type pg from 'pg';
import { inTransaction } from '#platform';
import { countReferences } from './media.js';

/** Something names a blob from now on. `client` is a transaction that the name belongs to. */
export async function nameBlob(client: pg.ClientBase | pg.Pool, id: string): Promise<void> {
  await client.query({
    name: 'tessera-name-blob',
    text: 'delete from tessera.unnamed_blob where id = $1',
    values: [id],
  });
}

/**
 * Blobs that were announced and are not named yet, by a medium, a file or an artifact: a process that dies in between leaves its row here, and
 * housekeeping the blob to nobody. And blobs that are doomed, until they are deleted, which may fail: artifacts may go on naming those.
 */
export class UnnamedBlobs {
  constructor(private readonly pool: pg.Pool) {}

  announce = async (id: string): Promise<void> => {
    await this.pool.query({
      name: 'tessera-announce-blob',
      text: `insert into tessera.unnamed_blob (id) values ($1)
             on conflict (id) do update set doomed = false, announced_at = now()`,
      values: [id],
    });
  };

  /** Something names it from now on. */
  named(id: string): Promise<void> {
    return nameBlob(this.pool, id);
  }

  /** Nothing names them any more. Who announces one just now is about to: it stays. */
  async doom(ids: readonly string[]): Promise<void> {
    await this.pool.query(
      `insert into tessera.unnamed_blob (id, doomed) select id, true from unnest($1::text[]) as id on conflict (id) do nothing`,
      [ids],
    );
  }

  /** Who announced it is not going to name it, and needs it for `seconds` more. */
  async withdraw(id: string, seconds = 0): Promise<void> {
    await this.pool.query(
      `update tessera.unnamed_blob set doomed = true, announced_at = now() + make_interval(secs => $2) where id = $1`,
      [id, seconds],
    );
  }

  /**
   * Deletes the bytes of a blob if it is still doomed, and nobody has it. Meanwhile who brings the same bytes waits with announcing them,
   * and so puts them after they are gone, not before.
   */
  async remove(id: string, deleteBytes: () => Promise<void>): Promise<void> {
    await inTransaction(this.pool, async (client) => {
      const doomed = 'tessera.unnamed_blob where id = $1 and doomed';
      const { rowCount } = await client.query(`select from ${doomed} for update`, [id]);
      if (rowCount === 0) return;
      if ((await countReferences(client, id)) === 0) await deleteBytes();
      await client.query(`delete from ${doomed}`, [id]);
    });
  }

  /** Of those that were announced, or doomed, so long ago: what got a name is forgotten, the others are doomed. @returns the doomed ones */
  async doomOlder(seconds: number): Promise<string[]> {
    const { rows } = await this.pool.query<{ id: string }>(
      `with old as (
         select id, doomed, announced_at from tessera.unnamed_blob where announced_at < now() - make_interval(secs => $1)
       ), named as (
         delete from tessera.unnamed_blob u using old o
         where u.id = o.id and (
           exists (select from tessera.media m where m.id = o.id) or exists (select from tessera.file f where f.blob = o.id)
           or (not o.doomed and exists (select from tessera.artifact a where position(o.id in a.value::text) > 0)))
         returning u.id
       )
       update tessera.unnamed_blob u set doomed = true, announced_at = now() from old o
       where u.id = o.id and u.announced_at = o.announced_at and not exists (select from named n where n.id = u.id)
       returning u.id`,
      [seconds],
    );
    return rows.map(({ id }) => id);
  }
}
