import type { FastifyHelmetOptions } from '@fastify/helmet';

/** What browsers are told about every answer. The only page is the reference under /docs: its scripts are files, its styles are not. */
export const SECURITY: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", 'data:'],
      objectSrc: ["'none'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
    },
  },
  xFrameOptions: { action: 'deny' },
  // Whether all of a domain speaks TLS is for the proxy in front to say, which ends it.
  strictTransportSecurity: false,
};
