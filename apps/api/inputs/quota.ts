import { Inject, Injectable } from '@nestjs/common';
import { TesseraError } from '#contracts';
import { formatSize } from '#platform';
import { PARTS, type ApiParts } from '../parts.js';

type Bytes = AsyncIterable<Uint8Array>;

/** How much a tenant may keep here, media and files together. Held while the bytes come, before more of them are on the disk. */
@Injectable()
export class Quota {
  constructor(@Inject(PARTS) private readonly parts: ApiParts) {}

  /**
   * Bytes to a blob, under the cap of a file and what is left of the tenant's quota. What comes at the same moment is measured by the same
   * rest. Throws `file_too_large`.
   */
  async receive(tenant: string, bytes: Bytes): Promise<{ id: string; size: number }> {
    const { maxFileBytes, maxStoredBytes } = this.parts.config.limits;
    const { blobs, records } = this.parts;
    const { announce } = records.unnamed;
    if (maxStoredBytes === 0) return blobs.put(bytes, { maxBytes: maxFileBytes, announce });
    const used = await records.storedBytes(tenant);
    const left = maxStoredBytes - used;
    const full = this.full(used);
    if (left <= 0) throw full;
    return blobs.put(bytes, { maxBytes: Math.min(maxFileBytes, left), announce }).catch((error: unknown) => {
      const tooLarge = error instanceof TesseraError && error.code === 'file_too_large';
      throw tooLarge && left < maxFileBytes ? full : error;
    });
  }

  /** Before bytes come: whether as many fit beside what is kept. Throws `file_too_large`. */
  async require(tenant: string, bytes: number): Promise<void> {
    const { maxStoredBytes } = this.parts.config.limits;
    if (maxStoredBytes === 0) return;
    const used = await this.parts.records.storedBytes(tenant);
    if (used + bytes > maxStoredBytes) throw this.full(used);
  }

  private full(used: number): TesseraError {
    const most = formatSize(this.parts.config.limits.maxStoredBytes);
    return new TesseraError(
      'file_too_large',
      `Your media and files take ${formatSize(used)} of the ${most} that you may keep here; this does not fit any more. Delete what is not needed.`,
      { param: 'file' },
    );
  }
}
