import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ContentHash, TesseraError } from '#contracts';
import { timelineTree } from '#jobs';
import { Operation } from '../http/operation.js';
import { pageLimit, pageOf, toPage } from '../http/page.js';
import { ZodPipe } from '../http/validate.js';
import { identityOf } from '../identity/identity.js';
import { MediaStore } from '../inputs/store.js';
import { SignedLinks } from '../media/signed-links.js';
import { PARTS, type ApiParts } from '../parts.js';
import { Requests } from '../requests.js';
import type { MediumLook, PassageHit } from '#storage';
import { likenesses, lookAt, type Likeness } from './likeness.js';

const SearchQuery = z.object({
  q: z.string().trim().min(1).max(1000).optional().describe('Words, "phrases", `or`, and -what must not be there.'),
  like: ContentHash.optional().describe('Id of a picture or film: what looks like it. In place of `q`.'),
  frame: z.coerce.number<string>().nonnegative().optional().describe('Seconds: which frame of the film of `like`; default 0.'), // prettier-ignore
  medium: ContentHash.optional().describe('Id of the only medium to search.'),
  limit: pageLimit,
  offset: z.coerce.number<string>().int().min(0).max(10_000).default(0).describe('Hits to leave out.'),
});
type SearchQuery = z.output<typeof SearchQuery>;
/** Checked after the fields, so that the document can list them. */
const OneSearch = SearchQuery.refine(({ q, like }) => (q === undefined) !== (like === undefined), { path: ['q'], error: 'give q or like' }); // prettier-ignore

const SearchHit = z.object({
  medium: z.object({ id: ContentHash, name: z.string(), kind: z.string() }),
  start: z.number().nullable().describe('Seconds.'),
  end: z.number().nullable(),
  page: z.number().int().nullable(),
  line: z.number().int().optional(),
  file: z.string().optional(),
  text: z.string().describe('The words that were found, or what is seen, where it has been put into words.'),
  rank: z.number().describe('Higher is better; comparable within one search. With `like`, the cosine of the looks.'),
  frame_url: z.string().optional(),
  clip_url: z.string().optional(),
});
const SearchResult = pageOf(SearchHit);
type SearchHit = z.infer<typeof SearchHit>;

const toHit = ({ medium, line, file, ...place }: PassageHit): SearchHit => ({
  medium,
  ...place,
  ...(line === null ? {} : { line }),
  ...(file === null ? {} : { file }),
});

@Controller('v1/search')
export class SearchController {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(SignedLinks) private readonly links: SignedLinks,
    @Inject(Requests) private readonly requests: Requests,
    @Inject(MediaStore) private readonly store: MediaStore,
  ) {}

  @Get()
  @Operation({
    tag: 'Media',
    summary: 'Find where something is said, shown or written, or what looks like a picture',
    description:
      'Over the media of this caller that were asked about, or whose timeline was read. English words are found in all their forms. With `like`, pictures and frames of films by their look; the first search for a medium that was not looked at yet reads its timeline.',
    query: SearchQuery,
    responses: { 200: { description: 'The best hits', schema: SearchResult } },
    errors: ['invalid_request', 'media_not_found', 'not_an_image', 'unsupported_media', 'corrupt_media', 'overloaded'],
  })
  async search(
    @Query(new ZodPipe(OneSearch)) query: SearchQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof SearchResult>> {
    const { tenant } = identityOf(request);
    const hits =
      query.like === undefined ? await this.byWords(tenant, query) : await this.byLook(request, reply, query);
    const linked = hits.map(async (hit) => {
      const { id: mediumId, kind } = hit.medium;
      return { ...hit, ...(await this.links.evidence(tenant, { ...hit, mediumId }, kind as PassageHit['medium']['kind'])) }; // prettier-ignore
    });
    return toPage(await Promise.all(linked), query.limit);
  }

  /** One more than the page. */
  private async byWords(tenant: string, { q = '', medium, limit, offset }: SearchQuery): Promise<SearchHit[]> {
    const page = { limit: limit + 1, offset, ...(medium === undefined ? {} : { media: [medium] }) };
    return (await this.parts.records.passages.search(tenant, q, page)).map(toHit);
  }

  /** One more than the page. All looks of the tenant are compared: 0.6 KB for each picture and frame. */
  private async byLook(request: FastifyRequest, reply: FastifyReply, query: SearchQuery): Promise<SearchHit[]> {
    const { like = '', frame, medium, limit, offset } = query;
    const { tenant } = identityOf(request);
    const { looks, passages } = this.parts.records;
    const look = (await looks.get(tenant, like)) ?? (await this.lookInto(request, reply, like));
    const wanted = look && lookAt(look, frame);
    if (!wanted) throw new TesseraError('not_an_image', 'like: there is nothing to see in this medium', { param: 'like' }); // prettier-ignore
    const found: Likeness[] = [];
    for await (const each of looks.all(tenant, medium === undefined ? {} : { media: [medium] }))
      found.push(...likenesses(wanted.row, each, each.medium.id === like ? wanted.index : undefined));
    const best = found.sort((a, b) => b.rank - a.rank).slice(offset, offset + limit + 1);
    const texts = await passages.textAt(best.map(({ medium: { id }, start }) => ({ medium: id, start })));
    return best.map((hit, i) => ({ ...hit, page: null, text: texts[i] ?? '' }));
  }

  /** Nobody has looked at it yet. */
  private async lookInto(request: FastifyRequest, reply: FastifyReply, id: string): Promise<MediumLook | undefined> {
    const { tenant } = identityOf(request);
    const record = await this.store.get(tenant, id);
    const tree = timelineTree(this.store.toInput(record), { words: true });
    const job = await this.requests.submit(request, { kind: 'timeline', tree, options: { name: record.name } });
    reply.header('x-job-id', job);
    await this.requests.wait<'media.compose'>(reply, job);
    return this.parts.records.looks.get(tenant, id);
  }
}
