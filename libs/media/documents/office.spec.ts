import { strToU8, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { DEFAULT_DOCUMENT_LIMITS } from './block.js';
import { docxBlocks, pptxBlocks } from './office.js';

const paragraph = (text: string) => `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`;
const onNextPage = (text: string) => `<w:p><w:r><w:lastRenderedPageBreak/><w:t>${text}</w:t></w:r></w:p>`;
const row = (...cells: string[]) => `<w:tr>${cells.map((cell) => `<w:tc>${cell}</w:tc>`).join('')}</w:tr>`;
const docx = (body: string) =>
  docxBlocks(
    zipSync({ 'word/document.xml': strToU8(`<w:document><w:body>${body}</w:body></w:document>`) }),
    DEFAULT_DOCUMENT_LIMITS,
  );

describe('docxBlocks', () => {
  it('keeps what follows an empty cell in its column, and no empty row', () => {
    const rows = [
      row(paragraph('Name'), paragraph('Phone'), paragraph('Age')),
      row(paragraph('Alice'), '<w:p/>', paragraph('30')),
      row('<w:p/>', paragraph(' '), ''),
    ];
    expect(docx(`<w:tbl>${rows.join('')}</w:tbl>`)).toEqual([
      { text: 'Name | Phone | Age' },
      { text: 'Alice |  | 30' },
    ]);
  });

  it('cites a row by the page on which it begins', () => {
    const rows = [
      row(paragraph('One') + onNextPage('goes on')),
      row(paragraph('Two'), onNextPage('beside')),
      row('<w:p/>', onNextPage('Three')),
    ];
    expect(docx(`<w:tbl>${rows.join('')}</w:tbl>${paragraph('after')}`)).toEqual([
      { text: 'One goes on', page: 1 },
      { text: 'Two | beside', page: 2 },
      { text: '| Three', page: 4 },
      { text: 'after', page: 4 },
    ]);
  });

  it('does not cite the page of an empty paragraph for the next', () => {
    expect(docx(paragraph(' ') + onNextPage('Second'))).toEqual([{ text: 'Second', page: 2 }]);
  });
});

describe('pptxBlocks', () => {
  it('keeps what follows an empty cell in its column', () => {
    const cells = ['Alice', '', '30'].map((text) => `<a:tc><a:p><a:r><a:t>${text}</a:t></a:r></a:p></a:tc>`);
    const slide = strToU8(`<p:sld><a:tbl><a:tr>${cells.join('')}</a:tr></a:tbl></p:sld>`);
    expect(pptxBlocks(zipSync({ 'ppt/slides/slide1.xml': slide }), DEFAULT_DOCUMENT_LIMITS)).toEqual([
      { text: 'Alice |  | 30', page: 1 },
    ]);
  });
});
