import type pg from 'pg';
import type { MediaRecord } from './media.js';

/** What a medium looks like, to be compared: one row of features for each picture or frame. */
export interface Look {
  /** Seconds at which each frame begins and ends to be seen; null for a picture. */
  starts: (number | null)[];
  ends: (number | null)[];
  /** int8 [frames, d], row-major. Only their directions count: each row has a scale of its own. */
  features: Int8Array;
}

export interface MediumLook extends Look {
  medium: Pick<MediaRecord, 'id' | 'name' | 'kind'>;
}

interface LookRow {
  id: string;
  name: string;
  kind: MediaRecord['kind'];
  starts: (number | null)[];
  ends: (number | null)[];
  features: Buffer;
}

/** Media that are read at once: at most 512 frames of 576 bytes each. */
const PAGE = 64;

/** The looks of media that somebody has; each tenant compares those of its own. */
export class LookRecords {
  constructor(private readonly pool: pg.Pool) {}

  /** Whether somebody has the medium, and what was seen of it (a blob) is not what is compared already. */
  async wanted(medium: string, visual: string): Promise<boolean> {
    const { rows } = await this.pool.query<{ wanted: boolean }>({
      name: 'tessera-look-wanted',
      text: `select exists (select from tessera.media where id = $1)
               and not exists (select from tessera.look where medium = $1 and visual = $2) as wanted`,
      values: [medium, visual],
    });
    return rows[0]?.wanted ?? false;
  }

  /** The newest look at a medium takes the place of the one before. */
  async replace(medium: string, visual: string, { starts, ends, features }: Look): Promise<void> {
    const { buffer, byteOffset, byteLength } = features;
    await this.pool.query(
      `insert into tessera.look (medium, visual, starts, ends, features) values ($1, $2, $3, $4, $5)
       on conflict (medium) do update set visual = excluded.visual, starts = excluded.starts, ends = excluded.ends,
         features = excluded.features`,
      [medium, visual, starts, ends, Buffer.from(buffer, byteOffset, byteLength)],
    );
  }

  async get(tenant: string, medium: string): Promise<MediumLook | undefined> {
    for await (const look of this.all(tenant, { media: [medium] })) return look;
    return undefined;
  }

  /** Those of a tenant, one after the other. */
  async *all(tenant: string, { media }: { media?: readonly string[] } = {}): AsyncGenerator<MediumLook> {
    let after = '';
    for (;;) {
      const { rows } = await this.pool.query<LookRow>({
        name: 'tessera-looks',
        text: `select m.id, m.name, m.kind, l.starts, l.ends, l.features
               from tessera.media m join tessera.look l on l.medium = m.id
               where m.tenant = $1 and m.id > $2 and ($3::text[] is null or m.id = any($3)) order by m.id limit $4`,
        values: [tenant, after, media ?? null, PAGE],
      });
      for (const { id, name, kind, starts, ends, features } of rows) {
        const { buffer, byteOffset, byteLength } = features;
        yield { medium: { id, name, kind }, starts, ends, features: new Int8Array(buffer, byteOffset, byteLength) };
      }
      if (rows.length < PAGE) return;
      after = rows[PAGE - 1]!.id;
    }
  }

  /** Forgets what media look like that nobody has any more. */
  async forgetOrphans(): Promise<void> {
    await this.pool.query(
      'delete from tessera.look l where not exists (select from tessera.media m where m.id = l.medium)',
    );
  }
}
