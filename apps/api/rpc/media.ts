import { ContentHash, TesseraError } from '#contracts';
import { MediaService, service, type MediaHandlers, type RpcMedium, type Service } from '#rpc';
import type { MediaRecord } from '#storage';
import { requireBehind, toPage } from '../http/page.js';
import { plainName } from '../http/plain-text.js';
import { validate } from '../http/validate.js';
import type { Callers } from '../identity/callers.js';
import type { MediaStore } from '../inputs/store.js';
import type { ApiParts } from '../parts.js';
import { tenantOf } from './caller.js';

const toMedium = ({ id, name, kind, mimeType, bytes, createdAt }: MediaRecord): RpcMedium => ({
  id,
  name,
  kind,
  mimeType,
  bytes,
  createdAt: Math.floor(createdAt.getTime() / 1000),
});

/** The name of an upload, which its first message tells, and its bytes as they come. */
async function opened(messages: AsyncIterable<{ name: string; data: Uint8Array }>) {
  const iterator = messages[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done || first.value.name === '')
    throw new TesseraError('invalid_request', 'name: the first message names the file', { param: 'name' });
  const { data } = first.value;
  const name = plainName(first.value.name) || 'file';
  async function* bytes(): AsyncGenerator<Uint8Array> {
    if (data.length > 0) yield data;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value.data;
  }
  return { name, bytes: bytes() };
}

/** `tessera.v1.Media`: what `/v1/media` does, for callers of gRPC. */
export function mediaService(parts: ApiParts, callers: Callers, store: MediaStore): Service {
  return service<MediaHandlers>(MediaService.service, {
    async Upload(messages, call) {
      const tenant = await tenantOf(callers, call, 'write');
      const { name, bytes } = await opened(messages);
      return toMedium(await store.put(tenant, name, bytes, true));
    },
    async Get({ id }, call) {
      return toMedium(await store.get(await tenantOf(callers, call, 'read'), id));
    },
    async List({ limit, after }, call) {
      const tenant = await tenantOf(callers, call, 'read');
      if (limit > 100) throw new TesseraError('invalid_request', 'limit: is at most 100', { param: 'limit' });
      const wanted = limit || 20;
      const before = after === '' ? undefined : validate(ContentHash, after);
      const found = await parts.records.listMedia(tenant, { limit: wanted + 1, before });
      await requireBehind(before, found, (id) => parts.records.getMedia(tenant, id));
      const page = toPage(found.map(toMedium), wanted);
      return { media: page.data, hasMore: page.has_more };
    },
    async *Download({ id }, call) {
      const record = await store.get(await tenantOf(callers, call, 'read'), id);
      for await (const data of parts.blobs.stream(record.id)) yield { data: data as Buffer };
    },
    async Delete({ id }, call) {
      await store.delete(await tenantOf(callers, call, 'write'), id);
      return {};
    },
  });
}
