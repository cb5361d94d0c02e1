import { z } from 'zod';
import type { Recognition, StretchMemory } from '#encoders/speech';
import type { Records } from '#storage';
import { artifactKey } from '../artifact.js';
import { cached } from '../context.js';

const Stretch = z.object({
  tokens: z.array(z.number().int()),
  logprobs: z.array(z.number()),
  starts: z.array(z.number()).optional(),
  looped: z.boolean(),
  language: z.string().optional(),
});

/**
 * The stretches of a recording that are done, in the records: when the worker dies, the next one listens for speech
 * again, which is cheap, and recognises only what is not there.
 */
export class RecordedStretches implements StretchMemory {
  private readonly known = new Set<string>();

  constructor(
    private readonly records: Records,
    private readonly packId: string,
  ) {}

  async recall(key: string): Promise<Recognition | undefined> {
    const address = this.address(key);
    const found = await cached(this.records, address, Stretch);
    if (found) this.known.add(address);
    return found;
  }

  async keep(key: string, recognition: Recognition): Promise<void> {
    const address = this.address(key);
    await this.records.putArtifact(address, recognition);
    this.known.add(address);
  }

  /** Once the whole transcript is kept, its parts are of no more use. */
  async forget(): Promise<void> {
    for (const address of this.known) await this.records.deleteArtifact(address);
    this.known.clear();
  }

  private address(key: string): string {
    return artifactKey('stretch', this.packId, key);
  }
}
