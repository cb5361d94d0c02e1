import { Controller, Get, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ContentHash, TesseraError } from '#contracts';
import { timelineTree } from '#jobs';
import { Operation } from '../http/operation.js';
import { pageLimit, pageOf, toPage } from '../http/page.js';
import { validate, ZodPipe } from '../http/validate.js';
import { identityOf } from '../identity/identity.js';
import { readForm } from '../inputs/multipart.js';
import { MediaStore } from '../inputs/store.js';
import { SignedLinks } from '../media/signed-links.js';
import { PARTS, type ApiParts } from '../parts.js';
import { Requests } from '../requests.js';
import type { MediaRecord, MediumLook, PassageHit } from '#storage';
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
/** With an upload, which is the picture. */
const SearchForm = SearchQuery.pick({ medium: true, limit: true, offset: true });
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
    const { like, frame } = query;
    if (like === undefined) return this.page(tenant, await this.byWords(tenant, query), query);
    const look =
      (await this.parts.records.looks.get(tenant, like)) ??
      (await this.lookInto(request, reply, await this.store.get(tenant, like)));
    const wanted = look && lookAt(look, frame);
    if (!wanted) throw new TesseraError('not_an_image', 'like: there is nothing to see in this medium', { param: 'like' }); // prettier-ignore
    const own = { id: like, frame: wanted.index };
    return this.page(tenant, await this.byLook(tenant, wanted.row, query, own), query);
  }

  @Post()
  @HttpCode(200)
  @Operation({
    tag: 'Media',
    summary: 'Find what looks like a picture that is sent along',
    description:
      'As `GET /v1/search?like=`, with a picture that is no medium yet. It is not kept: it goes as the files of a question do. A picture of the same bytes that this caller keeps is a hit.',
    form: { schema: SearchForm, files: { file: { description: 'One picture.' } } },
    responses: { 200: { description: 'The best hits', schema: SearchResult } },
    errors: [
      'invalid_request',
      'not_an_image',
      'unsupported_media',
      'corrupt_media',
      'empty_file',
      'file_too_large',
      'too_many_pixels',
      'overloaded',
    ],
  })
  async searchByUpload(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof SearchResult>> {
    const { tenant } = identityOf(request);
    const { fields, files } = await readForm(request, this.store);
    const query = validate(SearchForm, fields);
    const [picture] = files;
    if (!picture || files.length > 1)
      throw new TesseraError('invalid_request', `file: give one picture, not ${files.length}`, { param: 'file' });
    if (picture.kind !== 'image') throw new TesseraError('not_an_image', 'file: is not a picture', { param: 'file' });
    const { looks } = this.parts.records;
    const look =
      (await looks.get(tenant, picture.id)) ?? (await this.lookInto(request, reply, picture, { words: false }));
    const wanted = look && lookAt(look);
    if (!wanted) throw new TesseraError('not_an_image', 'file: there is nothing to see in it', { param: 'file' });
    const own = picture.expiresAt === null ? undefined : { id: picture.id, frame: wanted.index };
    return this.page(tenant, await this.byLook(tenant, wanted.row, query, own), query);
  }

  private async page(
    tenant: string,
    hits: SearchHit[],
    { limit }: { limit: number },
  ): Promise<z.infer<typeof SearchResult>> {
    const linked = hits.map(async (hit) => {
      const { id: mediumId, kind } = hit.medium;
      return { ...hit, ...(await this.links.evidence(tenant, { ...hit, mediumId }, kind as PassageHit['medium']['kind'])) }; // prettier-ignore
    });
    return toPage(await Promise.all(linked), limit);
  }

  /** One more than the page. */
  private async byWords(tenant: string, { q = '', medium, limit, offset }: SearchQuery): Promise<SearchHit[]> {
    const page = { limit: limit + 1, offset, ...(medium === undefined ? {} : { media: [medium] }) };
    return (await this.parts.records.passages.search(tenant, q, page)).map(toHit);
  }

  /** One more than the page. All looks of the tenant are compared, but for the picture's own: 0.6 KB for each picture and frame. */
  private async byLook(
    tenant: string,
    row: Int8Array,
    { medium, limit, offset }: z.output<typeof SearchForm>,
    own?: { id: string; frame: number },
  ): Promise<SearchHit[]> {
    const { looks, passages } = this.parts.records;
    const found: Likeness[] = [];
    for await (const each of looks.all(tenant, medium === undefined ? {} : { media: [medium] }))
      found.push(...likenesses(row, each, each.medium.id === own?.id ? own.frame : undefined));
    const best = found.sort((a, b) => b.rank - a.rank).slice(offset, offset + limit + 1);
    const texts = await passages.textAt(best.map(({ medium: { id }, start }) => ({ medium: id, start })));
    return best.map((hit, i) => ({ ...hit, page: null, text: texts[i] ?? '' }));
  }

  /** Nobody has looked at it yet. */
  private async lookInto(
    request: FastifyRequest,
    reply: FastifyReply,
    record: MediaRecord,
    { words = true }: { words?: boolean } = {},
  ): Promise<MediumLook | undefined> {
    const { tenant } = identityOf(request);
    const tree = timelineTree(this.store.toInput(record), { words });
    const job = await this.requests.submit(request, { kind: 'timeline', tree, options: { name: record.name } });
    reply.header('x-job-id', job);
    await this.requests.wait<'media.compose'>(reply, job);
    return this.parts.records.looks.get(tenant, record.id);
  }
}
