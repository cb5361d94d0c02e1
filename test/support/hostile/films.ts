import { wav, type WavHeader } from '../../../bench/wav.js';
import { ascii, hostile, u16be, u32be, u32le, type HostileFile } from './hostile-file.js';

function sounds(): HostileFile[] {
  const second = Buffer.alloc(16_000, 0x55);
  const infinite = Buffer.alloc(64_000);
  for (let i = 0; i < 16_000; i++) infinite.writeFloatLE([Number.NaN, Infinity, -Infinity, 3e38][i % 4] ?? 0, i * 4);
  const sound = (title: string, data: Buffer, header: WavHeader) =>
    hostile(`WAV: ${title}`, 'a.wav', wav(data, header));
  return [
    sound('no samples', Buffer.alloc(0), {}),
    sound('one sample', Buffer.alloc(2), {}),
    sound('half a sample', Buffer.alloc(1), {}),
    sound('no channels', second, { channels: 0, align: 2 }),
    sound('65,535 channels', second, { channels: 65_535, align: 65_535 }),
    sound('no rate', second, { rate: 0 }),
    sound('a rate of 4 GHz', second, { rate: 0xffffffff }),
    sound('a rate of 1 Hz: four hours', second, { rate: 1, bits: 8 }),
    sound('no bits', second, { bits: 0, align: 2 }),
    sound('255 bits', second, { bits: 255 }),
    sound('4 GB claimed', second, { claimed: 0xffffffff }),
    sound('µ-law of 16 bits', second, { format: 7, bits: 16 }),
    sound('µ-law, aligned to 0', second, { format: 7, bits: 8, align: 0 }),
    sound('µ-law of 3 channels', second, { format: 7, bits: 8, channels: 3 }),
    sound('A-law at 1 MHz', second, { format: 6, bits: 8, rate: 1_000_000 }),
    sound('ADPCM, aligned to 0', second, { format: 2, bits: 4, align: 0 }),
    sound('a format nobody knows', second, { format: 0x1234 }),
    sound('not numbers', infinite, { format: 3, bits: 32 }),
    hostile('FLAC: header only', 'a.flac', Buffer.concat([ascii('fLaC'), Buffer.from([0x80, 0, 0, 34]), Buffer.alloc(34)])), // prettier-ignore
    hostile('MP3: a tag of 256 MB and no more', 'a.mp3', Buffer.concat([ascii('ID3\x04\0\0'), Buffer.from([0x7f, 0x7f, 0x7f, 0x7f])])), // prettier-ignore
    hostile('MP3: sync words only', 'a.mp3', Buffer.alloc(20_000, 0xff)),
    hostile(
      'Ogg: one empty page',
      'a.ogg',
      Buffer.concat([ascii('OggS\0\x02'), Buffer.alloc(20), Buffer.from([1, 0])]),
    ),
    hostile('AIFF: no chunks', 'a.aiff', Buffer.concat([ascii('FORM'), u32be(4), ascii('AIFF')])),
    hostile('AU: 2 billion channels', 'a.au', Buffer.concat([ascii('.snd'), u32be(24, 0xffffffff, 1, 8000, 0x7fffffff), second])), // prettier-ignore
    hostile('AMR: header only', 'a.amr', '#!AMR\n'),
  ];
}

const box = (type: string, ...inside: Buffer[]): Buffer => {
  const body = Buffer.concat(inside);
  return Buffer.concat([u32be(body.length + 8), ascii(type), body]);
};
const FTYP = box('ftyp', ascii('isom'), u32be(512), ascii('isommp42'));

/** A video track of one sample description and the tables it is given. */
function track(tables: Buffer[], options: { scale?: number; duration?: number; dref?: Buffer; size?: number } = {}) {
  const { scale = 1000, duration = 1000, size = 64 } = options;
  const dref = options.dref ?? box('url ', u32be(1));
  const entry = box('avc1', Buffer.alloc(6), u16be(1), Buffer.alloc(16), u16be(size, size), Buffer.alloc(50));
  return box(
    'moov',
    box('mvhd', u32be(0, 0, 0, scale, duration), Buffer.alloc(80)),
    box(
      'trak',
      box('tkhd', u32be(3, 0, 0, 1, 0, duration), Buffer.alloc(52), u32be(size << 16, size << 16)),
      box(
        'mdia',
        box('mdhd', u32be(0, 0, 0, scale, duration), u16be(0x55c4, 0)),
        box('hdlr', u32be(0, 0), ascii('vide'), Buffer.alloc(13)),
        box('minf', box('vmhd', Buffer.alloc(12)), box('dinf', box('dref', u32be(0, 1), dref)), box('stbl', box('stsd', u32be(0, 1), entry), ...tables)), // prettier-ignore
      ),
    ),
  );
}

const TABLES = [box('stts', u32be(0, 1, 1, 1000)), box('stsc', u32be(0, 1, 1, 1, 1)), box('stsz', u32be(0, 0, 1, 100)), box('stco', u32be(0, 1, 48))]; // prettier-ignore

function films(victim: string, beacon: string): HostileFile[] {
  const film = (title: string, ...boxes: Buffer[]) =>
    hostile(`MP4: ${title}`, 'a.mp4', Buffer.concat([FTYP, ...boxes]));
  const many = (type: string) => box(type, u32be(0, 0xffffffff));
  const deep = Array.from({ length: 2000 }).reduce<Buffer>((inner) => box('moov', inner), Buffer.alloc(0));
  return [
    film('nothing but its name'),
    film('no tracks', box('moov')),
    film('no film, only data', box('mdat', Buffer.alloc(5000))),
    film('a box of no length', Buffer.concat([u32be(1), ascii('mdat'), u32be(0, 0)])),
    film('a box of 2⁶³ bytes', Buffer.concat([u32be(1), ascii('moov'), u32be(0x7fffffff, 0xffffffff)])),
    film('2,000 boxes deep', deep),
    film('no time scale', track(TABLES, { scale: 0 })),
    film('a thousand hours', track(TABLES, { duration: 3_600_000_000 })),
    film('frames of 65,535 × 65,535', track(TABLES, { size: 65_535 })),
    film('4 billion samples', track([many('stts'), many('stsc'), many('stsz'), many('stco')])),
    film('samples past its end', track([...TABLES.slice(0, 3), box('stco', u32be(0, 1, 0x7fffffff))])),
    film('data in a file of the server', track(TABLES, { dref: box('url ', u32be(0), ascii(`file://${victim}\0`)) })),
    film('data behind a URL', track(TABLES, { dref: box('url ', u32be(0), ascii(`${beacon}\0`)) })),
    hostile('MOV: refers to a film behind a URL', 'a.mov', Buffer.concat([box('ftyp', ascii('qt  '), u32be(0)), box('moov', box('rmra', box('rmda', box('rdrf', u32be(0), ascii('url '), u32be(beacon.length), ascii(beacon)))))])), // prettier-ignore
    hostile('Matroska: header only', 'a.mkv', Buffer.from([0x1a, 0x45, 0xdf, 0xa3, 0x80])),
    hostile('Matroska: a segment of unknown size', 'a.mkv', Buffer.from([0x1a, 0x45, 0xdf, 0xa3, 0x84, 0x42, 0x86, 0x81, 1, 0x18, 0x53, 0x80, 0x67, 1, 255, 255, 255, 255, 255, 255, 255])), // prettier-ignore
    hostile('AVI: hides a playlist', 'a.avi', Buffer.concat([ascii('RIFF'), u32le(4096), ascii('AVI LIST'), u32le(4000), ascii('movi#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10,\n'), ascii(`${beacon}\n`), Buffer.alloc(900)])), // prettier-ignore
    hostile('AVI: lists of 4 GB', 'a.avi', Buffer.concat([ascii('RIFF'), u32le(0xffffffff), ascii('AVI LIST'), u32le(0xffffffff), ascii('hdrl')])), // prettier-ignore
    hostile('TS: sync bytes only', 'a.ts', Buffer.from(Array.from({ length: 188 * 50 }, (_, i) => (i % 188 === 0 ? 0x47 : 0xff)))), // prettier-ignore
    hostile('FLV: header only', 'a.flv', Buffer.from([0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 9, 0, 0, 0, 0])),
  ];
}

/** Lists that name what ffmpeg would fetch or open. */
function playlists(victim: string, beacon: string): HostileFile[] {
  const hls = (target: string) => `#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n${target}\n#EXT-X-ENDLIST\n`;
  const list = (title: string, name: string, text: string) => hostile(`playlist: ${title}`, name, text);
  const mpd = (target: string) =>
    `<?xml version="1.0"?><MPD type="static"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1"><BaseURL>${target}</BaseURL></Representation></AdaptationSet></Period></MPD>`;
  return [
    list('a file as HLS', 'a.m3u8', hls(`file://${victim}`)),
    list('a file as HLS, called a film', 'a.mp4', hls(`file://${victim}`)),
    list('a URL as HLS', 'a.m3u8', hls(beacon)),
    list('a URL as HLS, called a recording', 'a.mp3', hls(beacon)),
    list('concat of a file and a URL', 'a.mp4', hls(`concat:${victim}|${beacon}`)),
    list('subfile', 'a.mp4', hls(`subfile,,start,0,end,9,,:${victim}`)),
    list('data and crypto', 'a.mp4', `#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="${beacon}"\n#EXTINF:9,\ncrypto+file://${victim}\n`), // prettier-ignore
    list('ffconcat', 'a.mp4', `ffconcat version 1.0\nfile '${victim}'\nfile '${beacon}'\n`),
    list('ffconcat behind blank lines', 'a.txt', `\n\n ffconcat version 1.0\nfile '${victim}'\n`),
    list('PLS', 'a.pls', `[playlist]\nFile1=${beacon}\nLength1=-1\n`),
    list('ASX', 'a.asx', `<ASX version="3.0"><Entry><Ref href="${beacon}"/></Entry></ASX>`),
    list('SMIL', 'a.smil', `<smil><body><video src="${beacon}"/></body></smil>`),
    list('MPD of a file', 'a.mpd', mpd(`file://${victim}`)),
    list('MPD of a URL, called a film', 'a.mp4', mpd(beacon)),
    list('SDP', 'a.sdp', 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n'),
    list('SDP, called a recording', 'a.wav', 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=audio 9 RTP/AVP 0\n'),
    list('cue sheet', 'a.cue', `FILE "${victim}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n`),
    list('HLS behind binary noise', 'a.ts', `\x00\x01\x02${hls(beacon)}`),
  ];
}

export const hostileFilms = (victim: string, beacon: string): HostileFile[] => [
  ...sounds(),
  ...films(victim, beacon),
  ...playlists(victim, beacon),
];
