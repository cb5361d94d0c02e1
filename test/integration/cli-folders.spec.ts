import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AskResult, DescribeResult } from '#contracts';
import { cli, lines, ROOT, tempFolder } from '../support/cli.js';

const folder = tempFolder('cli-folders');
const data = tempFolder('cli-folders-data');
const temp = tempFolder('cli-folders-tmp');
const env = { TESSERA_DATA_DIR: data, TMPDIR: temp };
const [source, album, empty] = ['source', 'album', 'empty'].map((name) => join(folder, name)) as [string, string, string]; // prettier-ignore

beforeAll(() => {
  for (const each of [join(source, 'src'), join(source, 'node_modules/tool'), album, empty]) mkdirSync(each, { recursive: true }); // prettier-ignore
  writeFileSync(join(source, 'src/login.py'), '# The password is compared in constant time.\ndef same(a, b):\n    return compare_digest(a, b)\n'); // prettier-ignore
  writeFileSync(join(source, 'src/server.py'), '# Listens on port 4711.\nPORT = 4711\n');
  writeFileSync(join(source, 'node_modules/tool/index.js'), '// The password is kept in a drawer.\n');
  for (const name of ['cat.jpg', 'rocket.jpg']) copyFileSync(join(ROOT, 'samples', name), join(album, name));
});
afterAll(() => {
  for (const each of [folder, data, temp]) rmSync(each, { recursive: true, force: true });
});

describe('a folder on the command line', () => {
  test('of source code is one medium: answers cite file and line, and tools wrote nothing of it', async () => {
    const { status, stdout } = await cli(['ask', 'How is the password compared?', `${source}/`, '--json'], env);
    expect(status).toBe(0);
    const { citations } = AskResult.parse(JSON.parse(stdout));
    expect(citations[0]).toMatchObject({ input: source, file: 'src/login.py', line: 1 });
    expect(stdout).not.toContain('drawer');
    expect(readdirSync(temp)).toEqual([]);
  });

  test('of pictures is each of them', async () => {
    const { status, stdout } = await cli(['ask', 'Which of these photos shows a cat?', album, '--json'], env);
    expect(status).toBe(0);
    const { answer, citations } = AskResult.parse(JSON.parse(stdout));
    expect(answer).toBe(`${join(album, 'cat.jpg')}.`);
    expect(citations.map(({ input }) => input)).toEqual([join(album, 'cat.jpg')]);
    const compared = await cli(['ask', 'Compare these two pictures.', album], env);
    expect(compared.stdout).toMatch(/^.*cat\.jpg: .*cat.*\n.*rocket\.jpg: .+\n/i);
    const described = await cli(['describe', album, '--json'], env);
    expect(lines(described.stdout).map((line) => DescribeResult.parse(line).input)).toEqual(
      ['cat.jpg', 'rocket.jpg'].map((name) => join(album, name)),
    );
  });

  test('without files is an error that names it', async () => {
    const { status, stderr } = await cli(['ask', 'What is it?', empty], env);
    expect(status).toBe(1);
    expect(stderr).toContain(`There are no files in ${empty}.`);
  });
});
