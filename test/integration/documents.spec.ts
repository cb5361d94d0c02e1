import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { strToU8, zipSync, type Zippable } from 'fflate';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { probe, readDocument, readPictureText, TextRecognizer, type DocumentLimits } from '#media';
import { mediaFolder } from '../support/media.js';
import { assemble, pdf } from '../support/pdf.js';

const folder = mediaFolder('documents');
const recognizer = new TextRecognizer();
afterAll(async () => {
  await recognizer.dispose();
  folder.dispose();
});

function file(name: string, data: string | Uint8Array): string {
  writeFileSync(folder.file(name), data);
  return folder.file(name);
}
const zip = (entries: Record<string, string>): Uint8Array =>
  zipSync(Object.fromEntries(Object.entries(entries).map(([name, text]) => [name, strToU8(text)])) as Zippable);

async function read(name: string, data: string | Uint8Array, limits: Partial<DocumentLimits> = {}) {
  const path = file(name, data);
  const facts = await probe(path, { name });
  return { facts, ...(await readDocument(path, { facts, name, limits, recognizer })) };
}

async function written(text: string): Promise<Buffer> {
  const lines = text.split('\n').map((line, i) => `<text x="80" y="${140 + 60 * i}">${line}</text>`);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="1240" height="1754" font-family="sans-serif" font-size="36">
    <rect width="1240" height="1754" fill="white"/>${lines.join('')}</svg>`;
  return sharp(Buffer.from(svg)).flatten({ background: 'white' }).jpeg().toBuffer();
}

describe('PDF', () => {
  it('is read by its text layer, page by page, with wrapped lines joined and hyphens mended', async () => {
    const { facts, blocks } = await read(
      'report.pdf',
      pdf([
        { lines: ['The first page tells of the harbour of Bergen and of its many wooden hou-', 'ses.'] },
        { lines: ['The budget (in euro) is 4200.'] },
      ]),
    );
    expect(facts).toMatchObject({ kind: 'text', mimeType: 'application/pdf' });
    expect(blocks).toEqual([
      {
        text: 'The first page tells of the harbour of Bergen and of its many wooden houses.',
        page: 1,
        box: expect.anything(),
      },
      { text: 'The budget (in euro) is 4200.', page: 2, box: expect.anything() },
    ]);
  });

  it('tells where on its page each paragraph stands, as the page is shown', async () => {
    const lines = ['The harbour of Bergen has many old and', 'wooden houses.', '', 'It rains.'];
    const { blocks } = await read('place.pdf', pdf([{ lines }]));
    const [first, second] = blocks.map(({ box }) => box!);
    // 60 of 595 points from the left; the base line of 12-point letters is 62 of 842 below the top, the next ones 14 lower.
    expect(first).toMatchObject({ left: expect.closeTo(60 / 595, 2), top: expect.closeTo((62 - 11) / 842, 2) });
    expect(first!.height).toBeCloseTo((14 + 11 + 3) / 842, 2);
    expect(second!.top).toBeCloseTo((62 + 3 * 14 - 11) / 842, 2);
    expect(second!.width).toBeLessThan(first!.width);
  });

  it('reads a scanned page as a picture', async () => {
    const jpeg = await written('The meeting was moved to Thursday.\nPlease bring the blue folder.');
    const { blocks } = await read(
      'scan.pdf',
      pdf([{ lines: ['A page with a text layer.'] }, { jpeg, width: 1240, height: 1754 }]),
    );
    expect(blocks[0]).toEqual({ text: 'A page with a text layer.', page: 1, box: expect.anything() });
    expect(
      blocks
        .filter((block) => block.page === 2)
        .map((block) => block.text)
        .join(' '),
    ).toMatch(/meeting was moved to Thursday.*bring the blue folder/);
    const { box } = blocks.find((block) => block.page === 2)!;
    expect(box).toMatchObject({ left: expect.closeTo(0.07, 1), width: expect.any(Number) });
  });

  it('says when it is encrypted, damaged or too long', async () => {
    const page = { lines: ['secret'] };
    await expect(read('locked.pdf', pdf([page], { encrypted: true }))).rejects.toMatchObject({
      code: 'encrypted_media',
      message: expect.stringContaining('locked.pdf'),
    });
    await expect(read('broken.pdf', '%PDF-1.7\nnothing of the kind')).rejects.toMatchObject({ code: 'corrupt_media' });
    await expect(read('long.pdf', pdf([page, page, page]), { maxPages: 2 })).rejects.toMatchObject({
      code: 'media_too_long',
      message: expect.stringContaining('3 pages; the limit is 2'),
    });
  });

  it('ends on hostile files: pages that hold themselves, and a stream that swells', async () => {
    const loop = ['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Count 9 /Kids [2 0 R 2 0 R] >>'];
    await expect(read('loop.pdf', assemble(loop, '/Root 1 0 R'))).rejects.toMatchObject({ code: 'corrupt_media' });
    const one = pdf([{ lines: ['small'] }]);
    await expect(read('swell.pdf', one, { maxMemoryBytes: 16 * 2 ** 20 })).rejects.toMatchObject({
      code: 'corrupt_media',
      message: expect.stringContaining('memory'),
    });
    await expect(read('slow.pdf', one, { documentTimeoutMs: 20 })).rejects.toMatchObject({
      code: 'corrupt_media',
      message: expect.stringContaining('within'),
    });
  });
});

describe('office documents', () => {
  const paragraph = (text: string) => `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`;
  const word = (body: string) =>
    zip({
      '[Content_Types].xml': '<Types/>',
      'word/document.xml': `<w:document xmlns:w="w"><w:body>${body}</w:body></w:document>`,
    });

  it('reads the paragraphs and table rows of DOCX, with the pages it was saved with', async () => {
    const row = `<w:tr><w:tc>${paragraph('Name')}</w:tc><w:tc>${paragraph('Lisbon &amp; Porto')}</w:tc></w:tr>`;
    const { facts, blocks } = await read(
      'letter.docx',
      word(
        `${paragraph('Dear Maria,')}<w:tbl>${row}</w:tbl><w:p><w:r><w:lastRenderedPageBreak/><w:t>Second page</w:t></w:r></w:p>`,
      ),
    );
    expect(facts.mimeType).toContain('wordprocessingml');
    expect(blocks).toEqual([
      { text: 'Dear Maria,', page: 1 },
      { text: 'Name | Lisbon & Porto', page: 1 },
      { text: 'Second page', page: 2 },
    ]);
  });

  it('claims no page when the file knows none', async () => {
    expect((await read('plain.docx', word(paragraph('One')))).blocks).toEqual([{ text: 'One' }]);
  });

  it('reads slides as pages', async () => {
    const slide = (text: string) => `<p:sld xmlns:a="a"><a:p><a:r><a:t>${text}</a:t></a:r></a:p></p:sld>`;
    const data = zip({
      'ppt/presentation.xml': '<p/>',
      'ppt/slides/slide10.xml': slide('Last'),
      'ppt/slides/slide2.xml': slide('First'),
    });
    expect((await read('talk.pptx', data)).blocks).toEqual([
      { text: 'First', page: 1 },
      { text: 'Last', page: 2 },
    ]);
  });

  it('names what it does not read', async () => {
    await expect(read('sheet.xlsx', zip({ 'xl/workbook.xml': '<w/>' }))).rejects.toMatchObject({
      code: 'unsupported_media',
      message: expect.stringContaining('spreadsheet'),
    });
  });
});

describe('archives of source code', () => {
  it('are read file by file with line numbers, without what tools wrote', async () => {
    const { blocks } = await read(
      'code.zip',
      zip({
        'src/b.ts': 'const b = 2;\n\nexport { b };',
        'a.py': 'a = 1',
        'node_modules/x/index.js': 'x',
        'logo.png': '\u0000',
      }),
    );
    expect(blocks).toEqual([
      { text: 'a = 1', line: 1, file: 'a.py' },
      { text: 'const b = 2;', line: 1, file: 'src/b.ts' },
      { text: 'export { b };', line: 3, file: 'src/b.ts' },
    ]);
  });

  it.each([
    ['tar', []],
    ['tar.gz', ['-z']],
    ['tar', ['--format=posix']],
    ['tgz', ['-z', '--format=gnu']],
  ])('as %s %j are the same', async (end, options) => {
    const long = `src/${'very-'.repeat(30)}long.ts`;
    for (const [name, text] of [
      ['a.py', 'a = 1'],
      [long, 'const b = 2;\n\nexport { b };'],
      ['node_modules/x.js', 'x'],
    ] as const) {
      // prettier-ignore
      mkdirSync(dirname(folder.file(`tree/${name}`)), { recursive: true });
      writeFileSync(folder.file(`tree/${name}`), text);
    }
    symlinkSync('/etc/passwd', folder.file('tree/link.txt'));
    execFileSync('tar', ['-c', ...options, '-f', folder.file(`code.${end}`), '-C', folder.file('tree'), '.']);
    rmSync(folder.file('tree'), { recursive: true });
    expect((await read(`code.${end}`, readFileSync(folder.file(`code.${end}`)))).blocks).toEqual([
      { text: 'a = 1', line: 1, file: 'a.py' },
      { text: 'const b = 2;', line: 1, file: long },
      { text: 'export { b };', line: 3, file: long },
    ]);
  });

  it('packed with gzip are bounded, and nothing else that is', async () => {
    const path = file('zeros.txt', '0'.repeat(20_000_000));
    execFileSync('tar', ['-czf', folder.file('bomb.tgz'), '-C', dirname(path), 'zeros.txt']);
    const bomb = readFileSync(folder.file('bomb.tgz'));
    await expect(read('bomb.tgz', bomb)).rejects.toMatchObject({ code: 'file_too_large' });
    const small = readFileSync(folder.file('code.tgz'));
    await expect(read('many.tgz', small, { maxEntries: 2 })).rejects.toMatchObject({ code: 'file_too_large' });
    await expect(read('wide.tgz', small, { maxUnpackedBytes: 20 })).rejects.toMatchObject({ code: 'file_too_large' });
    await expect(read('cut.tgz', small.subarray(0, -40))).rejects.toMatchObject({ code: 'corrupt_media' });
    await expect(read('text.gz', gzipSync('plain'))).rejects.toMatchObject({ code: 'unsupported_media' });
  });

  it('are bounded in entries, bytes and ratio', async () => {
    const bomb = zip({ 'zeros.txt': '0'.repeat(1_500_000) });
    await expect(read('bomb.zip', bomb)).rejects.toMatchObject({ code: 'file_too_large' });
    const many = zip(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}.txt`, 'text'])));
    await expect(read('many.zip', many, { maxEntries: 10 })).rejects.toMatchObject({ code: 'file_too_large' });
    await expect(read('wide.zip', many, { maxUnpackedBytes: 50 })).rejects.toMatchObject({ code: 'file_too_large' });
  });

  it('without any text are refused', async () => {
    await expect(read('pictures.zip', zip({ 'a.png': '\u0000' }))).rejects.toMatchObject({ code: 'unsupported_media' });
  });
});

describe('text in pictures', () => {
  it('is read with boxes in the pixels of the picture', async () => {
    const { text, boxes, paragraphs } = await readPictureText(await written('Room 214 is closed today.'), {
      recognizer,
    });
    expect(text).toContain('Room 214 is closed today.');
    expect(boxes[0]).toMatchObject({ left: expect.closeTo(83, -1), height: expect.any(Number) });
    expect(boxes[0]?.top).toBeGreaterThan(90);
    expect(boxes[0]?.top).toBeLessThan(140);
    expect(paragraphs).toHaveLength(1);
    expect(paragraphs[0]?.box.left).toBeCloseTo(boxes[0]!.left / 1240, 2);
  });

  it('is not looked for where nothing looks like print', async () => {
    const sky = await sharp({ create: { width: 640, height: 480, channels: 3, background: '#88aaee' } })
      .jpeg()
      .toBuffer();
    const idle = new TextRecognizer();
    expect(await readPictureText(sky, { recognizer: idle })).toEqual({ text: '', paragraphs: [], boxes: [] });
    await idle.dispose();
  });

  it('can be cancelled while it is read', async () => {
    const stop = new AbortController();
    const reading = readPictureText(await written('Several lines of text\n'.repeat(12)), {
      recognizer,
      signal: stop.signal,
    });
    stop.abort();
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
  });
});
