import type pg from 'pg';
import { inTransaction, storable, storableJson } from '#platform';
import type { MediaRecord } from './media.js';

/** A line of a medium's timeline, as it is searched: its place and its words. */
export interface Passage {
  start: number | null;
  end: number | null;
  page: number | null;
  line: number | null;
  file: string | null;
  text: string;
}

export interface PassageHit extends Passage {
  medium: Pick<MediaRecord, 'id' | 'name' | 'kind'>;
  /** ts_rank_cd; comparable within one search only. */
  rank: number;
}

interface HitRow extends Passage {
  id: string;
  name: string;
  kind: MediaRecord['kind'];
  rank: number;
}

/**
 * The words of timelines under PostgreSQL's full-text search. They are kept by medium, for media that somebody has; each tenant
 * finds those of its own.
 */
export class PassageRecords {
  constructor(private readonly pool: pg.Pool) {}

  /** Whether somebody has the medium, and this timeline of it (a blob) is not the one that is searched already. */
  async wanted(medium: string, timeline: string): Promise<boolean> {
    const { rows } = await this.pool.query<{ wanted: boolean }>({
      name: 'tessera-passages-wanted',
      text: `select exists (select from tessera.media where id = $1)
               and not exists (select from tessera.timeline where medium = $1 and blob = $2) as wanted`,
      values: [medium, timeline],
    });
    return rows[0]?.wanted ?? false;
  }

  /** The newest timeline of a medium takes the place of the one before. */
  async replace(medium: string, timeline: string, passages: readonly Passage[]): Promise<void> {
    await inTransaction(this.pool, async (client) => {
      // The row is also the lock between two processes that compose the same medium.
      await client.query(
        `insert into tessera.timeline (medium, blob) values ($1, $2)
         on conflict (medium) do update set blob = excluded.blob, created_at = now()`,
        [medium, timeline],
      );
      await client.query('delete from tessera.passage where medium = $1', [medium]);
      await client.query(
        `insert into tessera.passage (medium, place, starts, ends, page, line, file, text)
         select $1, ordinality, "start", "end", page, line, file, text
         from rows from (jsonb_to_recordset($2) as ("start" float8, "end" float8, page int, line int, file text, text text))
           with ordinality`,
        [medium, storableJson(passages)],
      );
    });
  }

  /** Best first. `query` is what people type: words, "phrases", or, -not. */
  async search(
    tenant: string,
    query: string,
    page: { limit: number; offset: number; media?: readonly string[] },
  ): Promise<PassageHit[]> {
    const { rows } = await this.pool.query<HitRow>({
      name: 'tessera-search',
      text: `select m.id, m.name, m.kind, p.starts as "start", p.ends as "end", p.page, p.line, p.file, p.text,
               ts_rank_cd(p.words, q, 1)::float8 as rank
             from websearch_to_tsquery('english', $2) q
               join tessera.passage p on p.words @@ q
               join tessera.media m on m.id = p.medium and m.tenant = $1
             where $5::text[] is null or m.id = any($5)
             order by rank desc, p.medium, p.place limit $3 offset $4`,
      values: [tenant, storable(query), page.limit, page.offset, page.media ?? null],
    });
    return rows.map(({ id, name, kind, ...hit }) => ({ medium: { id, name, kind }, ...hit }));
  }

  /** The first line that begins at each of these places (null: of a picture); undefined where there is none. */
  async textAt(places: readonly { medium: string; start: number | null }[]): Promise<(string | undefined)[]> {
    const { rows } = await this.pool.query<{ text: string | null }>({
      name: 'tessera-text-at',
      text: `select (select text from tessera.passage p
                     where p.medium = q.medium and p.starts is not distinct from q.start order by p.place limit 1) as text
             from unnest($1::text[], $2::float8[]) with ordinality as q (medium, start, at) order by q.at`,
      values: [places.map(({ medium }) => medium), places.map(({ start }) => start)],
    });
    return rows.map(({ text }) => text ?? undefined);
  }

  /** Forgets the words of media that nobody has any more. */
  async forgetOrphans(): Promise<void> {
    await this.pool.query(
      'delete from tessera.timeline t where not exists (select from tessera.media m where m.id = t.medium)',
    );
  }
}
