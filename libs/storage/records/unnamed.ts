import type pg from 'pg';

/**
 * Blobs that were announced and are not named yet, by a medium, a file or an artifact. A process that dies in between leaves its row here, and
 * housekeeping the blob to nobody.
 */
export class UnnamedBlobs {
  constructor(private readonly pool: pg.Pool) {}

  announce = async (id: string): Promise<void> => {
    await this.pool.query({
      name: 'tessera-announce-blob',
      text: 'insert into tessera.unnamed_blob (id) values ($1) on conflict (id) do update set announced_at = now()',
      values: [id],
    });
  };

  /** Something names it from now on. */
  async named(id: string): Promise<void> {
    await this.pool.query({
      name: 'tessera-name-blob',
      text: 'delete from tessera.unnamed_blob where id = $1',
      values: [id],
    });
  }

  /** Takes those that were announced so long ago; returns the ids that nothing names: their blobs may go. */
  async takeOlder(seconds: number): Promise<string[]> {
    const { rows } = await this.pool.query<{ id: string }>(
      `with old as (delete from tessera.unnamed_blob where announced_at < now() - make_interval(secs => $1) returning id)
       select id from old
       where not exists (select from tessera.media m where m.id = old.id) and not exists (select from tessera.file f where f.blob = old.id)
         and not exists (select from tessera.artifact a where position(old.id in a.value::text) > 0)`,
      [seconds],
    );
    return rows.map(({ id }) => id);
  }
}
