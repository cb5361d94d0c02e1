import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { wireCitation, type Answer, type WireCitation } from '#contracts';
import type { MediaRecord } from '#storage';
import { PARTS, type ApiParts } from '../parts.js';
import { evidenceLinks, type EvidenceLinks, type EvidencePlace } from './links.js';

/** Seconds that a link is good for, at least; in whole steps, so that a browser meets the same link again. */
const LIFETIME = 3600;
const STEP = 600;

/** Where the secret of all processes on one database is. Without it, links that are out end. */
const SECRET = 'secret:links';
const Secret = z.string().min(40);

const SIGNED =
  /^(\/v1\/media\/([0-9a-f]{64})\/(?:frame|clip)(?:\?[^#]*?)?)[?&]expires=(\d{1,12})&signature=([\w-]{43})$/;

/** The whole of what a signature vouches for: who may look, at what, until when. */
const sign = (secret: string, tenant: string, path: string, expires: number): Buffer =>
  createHmac('sha256', secret)
    .update(JSON.stringify([tenant, path, expires]))
    .digest();

/**
 * Links to frames and clips that a page can show without a key: signed by HMAC-SHA-256 for a tenant, a path with its query, and a
 * time. They name neither key nor tenant. Where no keys are asked for, links are plain.
 */
@Injectable()
export class SignedLinks {
  private secret: Promise<string> | undefined;

  constructor(@Inject(PARTS) private readonly parts: Pick<ApiParts, 'config' | 'records'>) {}

  /** The first process makes the secret; every one reads what has been kept. */
  private key(): Promise<string> {
    const { records } = this.parts;
    this.secret ??= (async () => {
      const found = Secret.safeParse(await records.getArtifact(SECRET));
      if (found.success) return found.data;
      await records.putArtifact(SECRET, randomBytes(32).toString('base64url'));
      return Secret.parse(await records.getArtifact(SECRET));
    })().catch((error: unknown) => {
      this.secret = undefined;
      throw error;
    });
    return this.secret;
  }

  /** The citations of answers, with links where the caller has the medium: what a URL brought belongs to nobody. */
  async citations(tenant: string, answers: readonly Answer[]): Promise<WireCitation[]> {
    const citations = answers.flatMap((answer) => answer.citations);
    const ids = [...new Set(citations.map(({ mediumId }) => mediumId))];
    const kinds = new Map(
      await Promise.all(ids.map(async (id) => [id, (await this.parts.records.getMedia(tenant, id))?.kind] as const)),
    );
    return Promise.all(
      citations.map(async (citation) => {
        const kind = kinds.get(citation.mediumId);
        return { ...wireCitation(citation), ...(kind && (await this.evidence(tenant, citation, kind))) };
      }),
    );
  }

  /** What there is to look at for a place in a medium of this tenant. */
  async evidence(tenant: string, place: EvidencePlace, kind: MediaRecord['kind']): Promise<EvidenceLinks> {
    const plain = Object.entries(evidenceLinks(place, kind)) as [keyof EvidenceLinks, string][];
    return Object.fromEntries(
      await Promise.all(plain.map(async ([name, path]) => [name, await this.link(tenant, path)] as const)),
    );
  }

  /** A path of `evidenceLinks` with its signature. */
  async link(tenant: string, path: string, now = Date.now()): Promise<string> {
    if (!this.parts.config.admission.auth) return path;
    const expires = Math.ceil((now / 1000 + LIFETIME) / STEP) * STEP;
    const signature = sign(await this.key(), tenant, path, expires).toString('base64url');
    return `${path}${path.includes('?') ? '&' : '?'}expires=${expires}&signature=${signature}`;
  }

  /** The tenant whose medium a signed address shows; undefined for any other address, also one that was or is out of time. */
  async tenantOf(url: string, now = Date.now()): Promise<string | undefined> {
    const [, path = '', medium = '', until = '', signature = ''] = SIGNED.exec(url) ?? [];
    const expires = Number(until);
    if (path === '' || expires * 1000 < now) return undefined;
    const [secret, given] = [await this.key(), Buffer.from(signature, 'base64url')];
    for (const tenant of await this.parts.records.mediaTenants(medium))
      if (timingSafeEqual(sign(secret, tenant, path, expires), given)) return tenant;
    return undefined;
  }
}
