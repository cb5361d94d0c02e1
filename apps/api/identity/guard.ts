import { Inject, Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Scope } from '#storage';
import { SignedLinks } from '../media/signed-links.js';
import { Callers } from './callers.js';
import { setIdentity, type Identity } from './identity.js';

const PUBLIC = 'tessera:public';
const SCOPE = 'tessera:scope';
const LINKED = 'tessera:linked';

/** A route that asks for no key. */
export const Public = () => SetMetadata(PUBLIC, true);
/** A route that a signed link may lead to, without a key. */
export const Linked = () => SetMetadata(LINKED, true);
/** A route that needs more than its method says: reading needs `read`, everything else `write`. */
export const Needs = (scope: Scope) => SetMetadata(SCOPE, scope);

/** Judges the caller before anything of a request's body is read. */
@Injectable()
export class IdentityGuard implements CanActivate {
  constructor(
    @Inject(Callers) private readonly callers: Callers,
    @Inject(SignedLinks) private readonly links: SignedLinks,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, targets)) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const header = request.headers['x-api-key'];
    const apiKey = typeof header === 'string' ? header : undefined;
    const linked = this.reflector.getAllAndOverride<boolean | undefined>(LINKED, targets) ?? false;
    const identity =
      (linked ? await this.byLink(request.url) : undefined) ??
      (await this.callers.identify(request.headers.authorization, apiKey));
    setIdentity(request, identity);
    const reads = request.method === 'GET' || request.method === 'HEAD';
    const needed = this.reflector.getAllAndOverride<Scope | undefined>(SCOPE, targets) ?? (reads ? 'read' : 'write');
    this.callers.permit(identity, needed);
    if (!reads)
      this.callers.count(identity.keyId ?? request.ip, ({ limit, remaining }) =>
        reply.headers({ 'x-ratelimit-limit-requests': limit, 'x-ratelimit-remaining-requests': remaining }),
      );
    return true;
  }

  private async byLink(url: string): Promise<Identity | undefined> {
    const tenant = await this.links.tenantOf(url);
    return tenant === undefined ? undefined : { tenant, keyId: null, scopes: ['read'] };
  }
}
