import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ContentHash } from '#contracts';
import { Operation } from '../http/operation.js';
import { pageLimit, pageOf, toPage } from '../http/page.js';
import { ZodPipe } from '../http/validate.js';
import { identityOf } from '../identity/identity.js';
import { SignedLinks } from '../media/signed-links.js';
import { PARTS, type ApiParts } from '../parts.js';
import type { PassageHit } from '#storage';

const SearchQuery = z.object({
  q: z.string().trim().min(1).max(1000).describe('Words, "phrases", `or`, and -what must not be there.'),
  medium: ContentHash.optional().describe('Id of the only medium to search.'),
  limit: pageLimit,
  offset: z.coerce.number<string>().int().min(0).max(10_000).default(0).describe('Hits to leave out.'),
});

const SearchHit = z.object({
  medium: z.object({ id: ContentHash, name: z.string(), kind: z.string() }),
  start: z.number().nullable().describe('Seconds.'),
  end: z.number().nullable(),
  page: z.number().int().nullable(),
  line: z.number().int().optional(),
  file: z.string().optional(),
  text: z.string(),
  rank: z.number().describe('Higher is better; comparable within one search.'),
  frame_url: z.string().optional(),
  clip_url: z.string().optional(),
});
const SearchResult = pageOf(SearchHit);

const toHit = ({ medium, line, file, ...place }: PassageHit): z.infer<typeof SearchHit> => ({
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
  ) {}

  @Get()
  @Operation({
    tag: 'Media',
    summary: 'Find where something is said, shown or written',
    description:
      'Over the timelines of the media of this caller: those that were asked about, or whose timeline was read. English words are found in all their forms.',
    query: SearchQuery,
    responses: { 200: { description: 'The best hits', schema: SearchResult } },
    errors: ['invalid_request'],
  })
  async search(
    @Query(new ZodPipe(SearchQuery)) { q, medium, limit, offset }: z.output<typeof SearchQuery>,
    @Req() request: FastifyRequest,
  ): Promise<z.infer<typeof SearchResult>> {
    const page = { limit: limit + 1, offset, ...(medium === undefined ? {} : { media: [medium] }) };
    const { tenant } = identityOf(request);
    const hits = await this.parts.records.passages.search(tenant, q, page);
    const linked = hits.map(async (hit) => {
      const { id: mediumId, kind } = hit.medium;
      return { ...toHit(hit), ...(await this.links.evidence(tenant, { ...hit, mediumId }, kind)) };
    });
    return toPage(await Promise.all(linked), limit);
  }
}
