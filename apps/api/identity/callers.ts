import { Inject, Injectable } from '@nestjs/common';
import { TesseraError } from '#contracts';
import type { Scope } from '#storage';
import { PARTS, type ApiParts } from '../parts.js';
import { LOCAL, type Identity } from './identity.js';
import { RateLimiter, type Taken } from './rate-limit.js';

/** A revoked key may go on working for this long in a process that has seen it. */
const REMEMBER_MS = 5_000;

/** Who is it, may they, and how often: the same for HTTP and gRPC. */
@Injectable()
export class Callers {
  private readonly known = new Map<string, { identity: Identity | undefined; until: number }>();
  private readonly limiter: RateLimiter;

  constructor(@Inject(PARTS) private readonly parts: ApiParts) {
    this.limiter = new RateLimiter(parts.config.admission.requestsPerMinute);
  }

  /** Throws `unauthorized`. */
  async identify(authorization: string | undefined, apiKey: string | undefined): Promise<Identity> {
    if (!this.parts.config.admission.auth) return LOCAL;
    const [, bearer] = /^Bearer\s+(\S+)$/i.exec(authorization ?? '') ?? [];
    const secret = bearer ?? apiKey;
    if (!secret) throw new TesseraError('unauthorized', 'An API key is needed: Authorization: Bearer YOUR_KEY.');
    const identity = await this.lookUp(secret);
    if (!identity) throw new TesseraError('unauthorized', 'This API key is not known, or has been revoked.');
    return identity;
  }

  private async lookUp(secret: string): Promise<Identity | undefined> {
    const remembered = this.known.get(secret);
    if (remembered && remembered.until > Date.now()) return remembered.identity;
    const key = await this.parts.records.findKey(secret);
    const identity = key && { tenant: key.tenant, keyId: key.id, scopes: key.scopes };
    // Guesses must not fill the memory.
    if (this.known.size >= 10_000) this.known.clear();
    this.known.set(secret, { identity, until: Date.now() + REMEMBER_MS });
    return identity;
  }

  /** Throws `forbidden`. */
  permit(identity: Identity, needed: Scope): void {
    if (!identity.scopes.includes(needed) && !identity.scopes.includes('admin'))
      throw new TesseraError('forbidden', `This key may not do that: it lacks the scope ${needed}.`);
  }

  /** Counts one request for work. `told` hears what is left before `rate_limited` is thrown. */
  count(who: string, told: (taken: Taken) => void = () => undefined): void {
    const taken = this.limiter.take(who, Date.now());
    if (!taken) return;
    told(taken);
    const { limit, retryAfter } = taken;
    if (retryAfter > 0)
      throw new TesseraError('rate_limited', `More than ${limit} requests a minute; try again in ${retryAfter} s.`, {
        retryAfter,
      });
  }
}
