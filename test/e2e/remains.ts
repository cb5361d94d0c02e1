import { ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Cluster } from './cluster.js';

/** Unfinished jobs and what BullMQ still holds of finished ones. */
export async function jobsLeft({ redisUrl }: Cluster): Promise<string[]> {
  const redis = new Redis(redisUrl);
  try {
    const keys = await redis.keys('bull:tessera-*');
    // Beside jobs a queue has its counters, its list of events and its own facts.
    const jobs = keys.filter((key) => !/:(meta|events|id|stalled-check|pc|marker|metrics:.*)$/.test(key));
    const unfinished = await redis.zrange('tessera:tessera:unfinished', '0', '-1');
    return [...jobs, ...unfinished.map((id) => `unfinished ${id}`)];
  } finally {
    redis.disconnect();
  }
}

/** How often each job of the journal ended, by its events. */
export async function endsOf({ redisUrl }: Cluster, jobs: readonly string[]): Promise<Map<string, number>> {
  const redis = new Redis(redisUrl);
  try {
    const ends = new Map<string, number>();
    for (const job of jobs) {
      const entries = await redis.xrange(`tessera:tessera:events:${job}`, '-', '+');
      const states = entries.map(([, fields]) => JSON.parse(fields[1] ?? '{}') as { type: string; state?: string });
      ends.set(job, states.filter(({ state }) => /^(completed|failed|cancelled)$/.test(state ?? '')).length);
    }
    return ends;
  } finally {
    redis.disconnect();
  }
}

/** Objects that nothing names: neither a medium nor a kept result, nor the list of what died half-way, which housekeeping deletes; and uploads that were begun and not ended. */
export async function blobsLeft({ s3: { endpoint, bucket }, databaseUrl }: Cluster): Promise<string[]> {
  const client = new S3Client({
    endpoint,
    forcePathStyle: true,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  try {
    const { rows } = await database.query<{ text: string }>(
      'select id as text from tessera.media union all select value::text from tessera.artifact union all select id from tessera.unnamed_blob',
    );
    const named = new Set(rows.flatMap(({ text }) => text.match(/[0-9a-f]{64}/g) ?? []));
    const left: string[] = [];
    let after: string | undefined;
    do {
      const page = await client.send(new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: after }));
      left.push(...(page.Contents ?? []).map(({ Key = '' }) => Key).filter((key) => !named.has(key)));
      after = page.NextContinuationToken;
    } while (after);
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    return [...left, ...Uploads.map(({ Key }) => `unfinished upload of ${Key}`)];
  } finally {
    await database.end();
    client.destroy();
  }
}

export async function countRequests({ databaseUrl }: Cluster): Promise<number> {
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  try {
    const { rows } = await database.query<{ n: number }>('select count(*)::int as n from tessera.request');
    return rows[0]?.n ?? 0;
  } finally {
    await database.end();
  }
}
