import { setTimeout as sleep } from 'node:timers/promises';
import { TesseraError, type DecodeEvent, type DecodeRequest } from '#contracts';
import { createLogger } from '#platform';
import type { LanguageModel } from './language-model.js';
import { materialOf, rendezvous } from './rendezvous.js';

/** One that could not be reached is asked last for so long. */
const DOWN_MS = 5_000;
/** Pauses after which all are asked again when none could be reached: one that starts anew needs some seconds. */
const PAUSES_MS = [500, 1_500, 4_500, 8_000];

const log = createLogger('decoder');

export interface Member {
  /** The same for every caller: its URL. */
  name: string;
  model: LanguageModel;
}

/**
 * Several decoders as one. What is asked about a medium goes to the decoder that made its pages (by the medium's content address, so that
 * all workers choose the same), and what is about no medium to the one that does least for this process. One that cannot be reached is
 * left out until it answers again; its media move to the others meanwhile.
 */
export class RoutedDecoder implements LanguageModel {
  readonly reads = 'embeddings';
  private readonly running = new Map<Member, number>();
  private readonly downUntil = new Map<Member, number>();

  constructor(
    private readonly members: readonly Member[],
    private readonly pausesMs: readonly number[] = PAUSES_MS,
  ) {}

  async *generate(request: DecodeRequest, signal?: AbortSignal): AsyncGenerator<DecodeEvent> {
    for (let round = 0; ; round++) {
      let failure: unknown;
      for (const member of this.order(request)) {
        let begun = false;
        try {
          for await (const event of this.ask(member, request, signal)) {
            begun = true;
            yield event;
          }
          return;
        } catch (error) {
          if (!(error instanceof TesseraError) || error.code !== 'decoder_failed') throw error;
          this.downUntil.set(member, Date.now() + DOWN_MS);
          log.warn({ decoder: member.name, error: error.message }, 'a decoder could not be reached');
          // Its caller has heard the beginning of an answer: the queue starts the whole job again, with another decoder.
          if (begun) throw error;
          failure = error;
        }
      }
      const pause = this.pausesMs[round];
      if (pause === undefined) throw failure;
      await sleep(pause, undefined, { signal }).catch(() => {
        throw new TesseraError('cancelled', 'The work was cancelled.', { cause: signal?.reason });
      });
    }
  }

  async dispose(): Promise<void> {
    await Promise.all(this.members.map(({ model }) => model.dispose()));
  }

  private async *ask(member: Member, request: DecodeRequest, signal?: AbortSignal): AsyncGenerator<DecodeEvent> {
    this.running.set(member, this.busy(member) + 1);
    try {
      yield* member.model.generate(request, signal);
      this.downUntil.delete(member);
    } finally {
      this.running.set(member, this.busy(member) - 1);
    }
  }

  private order(request: DecodeRequest): Member[] {
    const material = materialOf(request);
    const wanted =
      material === undefined
        ? this.members.toSorted((a, b) => this.busy(a) - this.busy(b))
        : rendezvous(this.members, material);
    const now = Date.now();
    const down = (member: Member): number => Number((this.downUntil.get(member) ?? 0) > now);
    return wanted.toSorted((a, b) => down(a) - down(b));
  }

  private busy(member: Member): number {
    return this.running.get(member) ?? 0;
  }
}
