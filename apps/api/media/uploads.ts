import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, mkdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Controller, Delete, Head, Inject, Injectable, Options, Patch, Post, Req, Res } from '@nestjs/common';
import { FileStore } from '@tus/file-store';
import { MemoryLocker, Server } from '@tus/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { TesseraError } from '#contracts';
import { toTesseraError } from '../http/errors.js';
import { plainName } from '../http/plain-text.js';
import { identityOf } from '../identity/identity.js';
import { Quota } from '../inputs/quota.js';
import { MediaStore } from '../inputs/store.js';
import { PARTS, type ApiParts } from '../parts.js';
import { toMedium } from './media.js';

const PATH = '/v1/media/uploads';
const BODY_TYPE = 'application/offset+octet-stream';
/** What nobody has finished by then goes. */
const ABANDONED_AFTER_MS = 24 * 3600 * 1000;
/** Unfinished uploads of one tenant. */
const MOST_OPEN = 100;

/** Of an upload; what else is in the folder is the protocol's own. */
const ID = /^[0-9a-f]{56}$/;

/** Begins the id of every upload of a tenant: with another key, an upload does not exist. */
const ownerOf = (tenant: string) => createHash('sha256').update(tenant).digest('hex').slice(0, 24);

/** The bodies of PATCH go to disk as they come; Fastify does not read them. */
export function passUploads(fastify: Pick<FastifyInstance, 'addContentTypeParser'>): void {
  fastify.addContentTypeParser(BODY_TYPE, (_request, _body, done) => done(null));
}

/** The protocol's own errors have a status and a text. */
function toError(thrown: unknown, gone: boolean): TesseraError {
  if (gone) return new TesseraError('cancelled', 'The upload was interrupted.');
  const { status_code: statusCode, body } = thrown as { status_code?: number; body?: string };
  if (statusCode === undefined) return toTesseraError(thrown);
  const message = (body ?? 'The upload was refused.').trim();
  // Locked, or at another place than the client believes: it asks where it stands, and goes on.
  if (statusCode === 409 || statusCode === 423) return new TesseraError('conflict', message);
  if (statusCode === 410) return new TesseraError('not_found', message);
  return toTesseraError(Object.assign(new Error(message), { statusCode }));
}

/**
 * Resumable uploads (https://tus.io/protocols/resumable-upload, 1.0): parts wait in a folder beside the blobs. The last one makes a
 * medium of them, by the same way as `POST /v1/media`: under its hash, sniffed, of the key that brought it.
 */
@Injectable()
export class Uploads {
  private readonly store: FileStore;
  private readonly locker = new MemoryLocker();
  private readonly folder: string;

  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(MediaStore) private readonly media: MediaStore,
    @Inject(Quota) private readonly quota: Quota,
  ) {
    this.folder = join(parts.config.dataDir, 'uploads');
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    this.store = new FileStore({ directory: this.folder, expirationPeriodInMilliseconds: ABANDONED_AFTER_MS });
  }

  /** Answers a request of the protocol. Throws what is to be answered in our own form. */
  async handle(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value);
    await this.serverFor(identityOf(request).tenant, request).handle(request.raw, reply.raw);
    reply.hijack();
  }

  private serverFor(tenant: string, request: FastifyRequest): Server {
    const { http, limits } = this.parts.config;
    const owner = ownerOf(tenant);
    return new Server({
      path: PATH,
      datastore: this.store,
      locker: this.locker,
      maxSize: limits.maxFileBytes,
      relativeLocation: true,
      allowedOrigins: (origin) => http.corsOrigins.includes(origin),
      namingFunction: async () => {
        await this.admit(owner);
        return owner + randomBytes(16).toString('hex');
      },
      onIncomingRequest: async ({ headers }, id) => {
        if (!id.startsWith(owner) || !ID.test(id)) throw new TesseraError('not_found', 'There is no such upload.');
        await this.requireRoom(tenant, owner, id, headers);
      },
      onUploadFinish: async (_request, { id, metadata }) => {
        const name = plainName(metadata?.['filename'] ?? metadata?.['name'] ?? '') || 'file';
        try {
          const medium = await this.media.put(tenant, name, createReadStream(join(this.folder, id)), true);
          const headers = { 'content-type': 'application/json; charset=utf-8' };
          return {
            ...(request.method === 'PATCH' ? { status_code: 200 } : {}),
            headers,
            body: JSON.stringify(toMedium(medium)),
          };
        } finally {
          await this.store.remove(id);
        }
      },
      onResponseError: (_request, error) => {
        // What has come in full is destroyed too, when it has been read.
        throw toError(error, request.raw.destroyed && !request.raw.complete);
      },
    });
  }

  /** What an upload is announced with, or has with the part that comes, has to fit beside what is kept and what other uploads wait for. */
  private async requireRoom(tenant: string, owner: string, id: string, headers: Headers): Promise<void> {
    if (this.parts.config.limits.maxStoredBytes === 0) return;
    const told = (name: string) => Number(headers.get(name) ?? 0);
    let bytes = Math.max(told('upload-length'), told('upload-offset') + told('content-length'));
    if (!(bytes > 0)) return;
    for (const other of await this.open(owner)) if (other !== id) bytes += await this.sizeOf(other);
    await this.quota.require(tenant, bytes);
  }

  private async open(owner: string): Promise<string[]> {
    return (await readdir(this.folder)).filter((name) => name.startsWith(owner) && ID.test(name));
  }

  /** Bytes that an unfinished upload was announced with, or has so far; none where it ends in this moment. */
  private async sizeOf(id: string): Promise<number> {
    const upload = await this.store.getUpload(id).catch(() => undefined);
    return upload?.size ?? upload?.offset ?? 0;
  }

  private async admit(owner: string): Promise<void> {
    const open = await this.open(owner);
    if (open.length >= MOST_OPEN)
      throw new TesseraError(
        'rate_limited',
        `${open.length} uploads of yours are not finished; at most ${MOST_OPEN} may be.`,
      );
  }

  /** Removes what was abandoned. */
  async tidy(): Promise<void> {
    await this.store.deleteExpired();
  }
}

@Controller('v1/media/uploads')
export class UploadsController {
  constructor(@Inject(Uploads) private readonly uploads: Uploads) {}

  @Options()
  abilities(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.uploads.handle(request, reply);
  }

  @Post()
  begin(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.uploads.handle(request, reply);
  }

  @Head(':id')
  place(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.uploads.handle(request, reply);
  }

  @Patch(':id')
  proceed(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.uploads.handle(request, reply);
  }

  @Delete(':id')
  end(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.uploads.handle(request, reply);
  }
}
