import { Inject, Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TesseraError } from '#contracts';
import type { Scope } from '#storage';
import { PARTS, type ApiParts } from '../parts.js';
import { LOCAL, setIdentity, type Identity } from './identity.js';
import { RateLimiter } from './rate-limit.js';

const PUBLIC = 'tessera:public';
const SCOPE = 'tessera:scope';

/** A route that asks for no key. */
export const Public = () => SetMetadata(PUBLIC, true);
/** A route that needs more than its method says: reading needs `read`, everything else `write`. */
export const Needs = (scope: Scope) => SetMetadata(SCOPE, scope);

/** A revoked key may go on working for this long in a process that has seen it. */
const REMEMBER_MS = 5_000;

/** Who is it, may they, and how often: before anything of a request's body is read. */
@Injectable()
export class IdentityGuard implements CanActivate {
  private readonly known = new Map<string, { identity: Identity | undefined; until: number }>();
  private readonly limiter: RateLimiter;

  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {
    this.limiter = new RateLimiter(parts.config.admission.requestsPerMinute);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, targets)) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const identity = await this.identify(request);
    setIdentity(request, identity);
    const reads = request.method === 'GET' || request.method === 'HEAD';
    const needed = this.reflector.getAllAndOverride<Scope | undefined>(SCOPE, targets) ?? (reads ? 'read' : 'write');
    if (!identity.scopes.includes(needed) && !identity.scopes.includes('admin'))
      throw new TesseraError('forbidden', `This key may not do that: it lacks the scope ${needed}.`);
    if (!reads) this.limit(identity.keyId ?? request.ip, reply);
    return true;
  }

  private async identify(request: FastifyRequest): Promise<Identity> {
    if (!this.parts.config.admission.auth) return LOCAL;
    const [, bearer] = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    const header = request.headers['x-api-key'];
    const secret = bearer ?? (typeof header === 'string' ? header : undefined);
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

  private limit(who: string, reply: FastifyReply): void {
    const taken = this.limiter.take(who, Date.now());
    if (!taken) return;
    const { limit, remaining, retryAfter } = taken;
    reply.headers({ 'x-ratelimit-limit-requests': limit, 'x-ratelimit-remaining-requests': remaining });
    if (retryAfter > 0)
      throw new TesseraError('rate_limited', `More than ${limit} requests a minute; try again in ${retryAfter} s.`, {
        retryAfter,
      });
  }
}
