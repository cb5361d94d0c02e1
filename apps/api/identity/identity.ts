import type { FastifyRequest } from 'fastify';

/** Who a request comes from; media, jobs and limits belong to a tenant. */
export interface Identity {
  tenant: string;
  keyId: string | null;
  scopes: readonly string[];
}

/** Everybody, where no keys are asked for. */
export const LOCAL: Identity = { tenant: 'local', keyId: null, scopes: ['read', 'write', 'admin'] };

const identities = new WeakMap<object, Identity>();

export const setIdentity = (request: FastifyRequest, identity: Identity) => void identities.set(request, identity);
export const identityOf = (request: FastifyRequest): Identity => identities.get(request) ?? LOCAL;
