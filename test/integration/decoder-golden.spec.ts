import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { SequencePart } from '#contracts';
import { Sequence } from '../../libs/decoder/engine/sequence.js';
import { loadAddon } from '../../libs/decoder/kernel/native/addon.js';
import type { ModelOptions } from '../../libs/decoder/runner/model.js';
import { manyRowsHere, openParts, type Parts } from '../support/decoder.js';

interface Golden {
  name: string;
  adapter: boolean;
  prefix: number[];
  segments: number[][];
  suffix: number[];
  /** Which picture's visual tokens; the formula's without. */
  picture?: number;
  greedy: number[];
  /** Per step the five highest [id, logit]. */
  top5: [number, number][][];
}

// Written by training/ from a float32 PyTorch model.
const file = new URL('../../libs/decoder/golden/greedy.json', import.meta.url);
const goldens = (JSON.parse(readFileSync(file, 'utf8')) as { entries: Golden[] }).entries;

const pictures = readFileSync(new URL('pictures.f16', file));

/** Negative ids are visual tokens, by the formula in the file's header or from a picture. */
function visual(k: number, picture: number | undefined): Float32Array {
  const at = 16 * (picture ?? 0) + k;
  if (picture !== undefined)
    return Float32Array.from({ length: 576 }, (_, j) => fromHalf(pictures.readUInt16LE((at * 576 + j) * 2)));
  return Float32Array.from({ length: 576 }, (_, j) => 0.14 * Math.sin(0.7 * (k + 1) + 0.013 * (j + 1) * (k + 2)));
}

function fromHalf(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
  return bits >> 15 ? -size : size;
}

function partsOf(ids: number[], { model }: Parts, picture?: number): SequencePart[] {
  return ids.map((id) =>
    id >= 0
      ? { type: 'text', text: model.tokenizer.decode([id], { special: true }), special: true }
      : { type: 'embeddings', data: visual(-1 - id, picture), rows: 1, hash: `visual ${id} of ${picture}` },
  );
}

/** Runs the golden answer through the model. @returns the logits of every step */
async function teacherForced(golden: Golden, parts: Parts): Promise<Float32Array[]> {
  const { cache, runner, arena, model, prefixes } = parts;
  const span = { mediumId: 'a'.repeat(64) };
  const sequence = new Sequence(
    0,
    {
      prefix: partsOf(golden.prefix, parts, golden.picture),
      segments: golden.segments.map((ids) => ({ parts: partsOf(ids, parts), span, quote: '' })),
      question: partsOf(golden.suffix, parts),
      sampling: {},
    },
    model,
    'golden',
    () => undefined,
  );
  expect([...sequence.prefix.ids, ...sequence.question.ids]).toEqual(
    [...golden.prefix, ...golden.suffix].filter((id) => id >= 0),
  );
  const { runs, missing } = cache.acquire(sequence.demands);
  sequence.runs = runs;
  for (const run of missing) {
    (await runner.prefill(await prefixes.of(sequence), [sequence.sourceOf(run).embed()])).write(0, run, cache.store);
    cache.commit(run);
  }
  const steps: Float32Array[] = [(await parts.reader.read(sequence)).slice()];
  for (const id of golden.greedy.slice(0, -1)) {
    const embedding = new Float32Array(model.config.hidden);
    model.embeddings.row(id, embedding, 0);
    steps.push((await runner.step(arena, 0, 1, embedding, [0])).logits.slice());
  }
  arena.remove(sequence.working!);
  cache.release(sequence.runs);
  return steps;
}

const argmax = (logits: Float32Array): number => logits.reduce((best, x, i) => (x > logits[best]! ? i : best), 0);

/** How far a logit may be from the reference's in float32. */
const TOLERANCE = 1e-3;

const rowsHere = await manyRowsHere();

describe.each([false, true])('decoder against the float reference, adapter %s', (adapter) => {
  const chosen = goldens.filter((golden) => golden.adapter === adapter);
  const opened: Parts[] = [];
  const open = async (
    precision: 'float32' | 'int8',
    manyRows?: 'columns' | 'blocks',
    steps?: ModelOptions['steps'],
  ): Promise<Parts> => {
    const parts = await openParts({ precision, adapter, manyRows, steps });
    opened.push(parts);
    return parts;
  };
  afterAll(async () => {
    for (const parts of opened) await parts.dispose();
  });

  it('gives the same logits in float32, with segments and everything selected', async () => {
    const parts = await open('float32');
    for (const golden of chosen) {
      const steps = await teacherForced(golden, parts);
      steps.forEach((logits, s) => {
        for (const [id, logit] of golden.top5[s]!) expect(Math.abs(logits[id]! - logit)).toBeLessThan(TOLERANCE);
      });
    }
  });

  it.skipIf(!loadAddon())('reads the same words from the native kernel as from the file', async () => {
    const [kernel, file] = [await open('int8', undefined, 'native'), await open('int8', undefined, 'graph')];
    const { hidden, vocabulary } = kernel.model.config;
    const row = ({ model }: Parts, id: number): Float32Array => {
      const out = new Float32Array(hidden + 3);
      model.embeddings.row(id, out, 3);
      return out;
    };
    for (const id of [0, 1, 17, 40_000, vocabulary - 1]) expect(row(kernel, id)).toEqual(row(file, id));
  });

  // What is shipped is base and adapter; the base alone has flatter distributions, with more near ties.
  const share = adapter ? 0.98 : 0.96;

  it.each([
    ...rowsHere.map((rows) => ({ rows, steps: 'graph' }) as const),
    { rows: rowsHere[0], steps: 'webassembly' },
    ...(loadAddon() ? [{ rows: rowsHere[0], steps: 'native' } as const] : []),
  ] as const)(
    `gives the same arg max in int8 on ${share * 100} % of steps, many rows in $rows, steps by $steps`,
    async ({ rows, steps: by }) => {
      const parts = await open('int8', rows, by);
      let [same, total] = [0, 0];
      for (const golden of chosen) {
        const steps = await teacherForced(golden, parts);
        golden.greedy.forEach((id, s) => {
          const [best, second] = golden.top5[s]!;
          // Both may be off by the tolerance in float32 too: such a tie says nothing.
          if (best![1] - second![1] < 2 * TOLERANCE) return;
          total++;
          if (argmax(steps[s]!) === id) same++;
          else
            console.info(
              `${golden.name}: step ${s} ${argmax(steps[s]!)}, not ${id}; ${JSON.stringify(golden.top5[s]!.slice(0, 2))}`,
            );
        });
      }
      console.info(`arg max equal on ${same} of ${total} steps`);
      expect(same / total).toBeGreaterThanOrEqual(share);
    },
  );
});
