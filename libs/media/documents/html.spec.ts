import { describe, expect, it } from 'vitest';
import { htmlBlocks } from './html.js';

const texts = (html: string) => htmlBlocks(html).map((block) => block.text);

describe('htmlBlocks', () => {
  it('gives headings, paragraphs, items and rows, in order', () => {
    const html = `<!doctype html><html><head><title>Tides &amp; moons</title><style>p{}</style></head><body>
      <h1>Tides</h1><p>High <b>water</b> comes<br>twice.</p><ul><li>one<li>two</ul>
      <table><tr><th>Port</th><th>Metres</th></tr><tr><td>Dover</td><td>6.8</td></tr></table></body></html>`;
    expect(texts(html)).toEqual([
      'Tides & moons',
      'Tides',
      'High water comes',
      'twice.',
      'one',
      'two',
      'Port | Metres',
      'Dover | 6.8',
    ]);
  });

  it('drops scripts, styles, templates and what is hidden', () => {
    const html = `<p>seen</p><script>alert("<p>no</p>")</script><template><p>no</p></template>
      <div hidden><p>no</p></div><p style="display: none">no</p><noscript>no</noscript><p>seen too</p>`;
    expect(texts(html)).toEqual(['seen', 'seen too']);
  });

  it('keeps the lines of preformatted text', () => {
    expect(texts('<pre>a = 1\n  b = 2</pre><p>c</p>')).toEqual(['a = 1', '  b = 2', 'c']);
  });

  it('reads broken markup to its end', () => {
    expect(texts('<p>one<div><b>two</p></span><td>three')).toEqual(['one', 'two', 'three']);
    expect(texts('<div>'.repeat(20_000) + 'deep')).toEqual(['deep']);
  });

  it('keeps a row and the tables in its cells apart, in the order in which they begin', () => {
    const inner = '<table><tr><td>inner</td><td>more</td></tr></table>';
    expect(texts(`<table><tr><td>Label</td><td>has ${inner}</td><td>Value</td></tr></table><p>after</p>`)).toEqual([
      'Label | has | Value',
      'inner | more',
      'after',
    ]);
    expect(texts('<table><tr><td>'.repeat(5000) + 'deep')).toEqual(['deep']);
  });

  it('keeps what follows an empty cell in its column, and no empty row', () => {
    const html = `<table><tr><th>Name<th>Phone<th>Age<tr><td>Alice<td><td>30
      <tr><td> </td><td><br></td><td></td></tr><tr></tr><tr><td></td><td><p>0170</p><p>0171</p></td></tr></table>`;
    expect(texts(html)).toEqual(['Name | Phone | Age', 'Alice |  | 30', '| 0170 0171']);
  });
});
