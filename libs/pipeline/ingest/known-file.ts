import { realpath, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { z } from 'zod';
import { ContentHash, Medium } from '#contracts';
import { withinLimits, type MediumFacts } from '#media';
import { artifactKey } from '../artifact.js';
import { cached, type Stage } from '../context.js';

const KnownFile = z.object({ id: ContentHash });
const KnownFacts = Medium.omit({ id: true, name: true });

/** A file that changed this recently may change again without its times showing it: FAT keeps seconds, others what the kernel's clock tells. */
const SETTLED_MS = { seconds: 2000, fine: 100 };

/**
 * Under which key it is remembered what a file of this machine holds: its place, size and times. Undefined for a file that was
 * just written.
 */
export async function stampOf(path: string): Promise<string | undefined> {
  const facts = await stat(path, { bigint: true }).catch(() => undefined);
  if (!facts?.isFile()) return undefined;
  const changed = facts.mtimeNs > facts.ctimeNs ? facts.mtimeNs : facts.ctimeNs;
  const grain = facts.ctimeNs % 1_000_000n === 0n ? 'seconds' : 'fine';
  if (Date.now() - Number(changed / 1_000_000n) < SETTLED_MS[grain]) return undefined;
  const { dev, ino, size, mtimeNs, ctimeNs } = facts;
  return artifactKey('file', await realpath(path), [dev, ino, size, mtimeNs, ctimeNs].map(String));
}

/** The address of the bytes that a file held when it had this stamp, if they are still kept. */
export async function addressOf({ records, blobs }: Stage, stamp: string): Promise<string | undefined> {
  const known = await cached(records, stamp, KnownFile);
  return known && (await blobs.has(known.id)) ? known.id : undefined;
}

export async function rememberAddress({ records }: Stage, stamp: string, id: string): Promise<void> {
  await records.putArtifact(stamp, { id });
}

/** What text is read as depends on how its file is named. */
const factsKey = (id: string, name: string): string =>
  artifactKey('probe', id, extname(name).toLowerCase() || basename(name));

/** What was found when these bytes were probed under such a name. @throws TesseraError when it is over a limit of today */
export async function knownFacts(
  { records, config }: Stage,
  id: string,
  name: string,
): Promise<MediumFacts | undefined> {
  const facts = await cached(records, factsKey(id, name), KnownFacts);
  return facts && withinLimits(facts, config.limits, name);
}

export async function rememberFacts({ records }: Stage, id: string, name: string, facts: MediumFacts): Promise<void> {
  await records.putArtifact(factsKey(id, name), facts);
}
