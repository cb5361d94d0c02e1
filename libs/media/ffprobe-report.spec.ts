import { describe, expect, it } from 'vitest';
import { endOfPackets, FfprobeReport, readReport } from './ffprobe-report.js';

const report = (streams: object[], format: object = {}) =>
  FfprobeReport.parse({ streams, format: { format_name: 'mov,mp4,m4a', duration: '4.5', ...format } });
const sound = { index: 1, codec_type: 'audio', codec_name: 'aac', sample_rate: '48000', channels: 2 };

describe('readReport', () => {
  it('describes a turned video with its sound', () => {
    const video = {
      index: 0,
      codec_type: 'video',
      codec_name: 'h264',
      width: 1920,
      height: 1080,
      avg_frame_rate: '30000/1001',
      side_data_list: [{ rotation: -90 }],
    };
    const facts = readReport(report([video, { ...sound, tags: { language: 'eng' } }]));
    expect(facts).toMatchObject({ kind: 'video', mimeType: 'video/mp4', duration: 4.5, width: 1080, height: 1920 });
    expect(facts.tracks[0]!.fps).toBeCloseTo(29.97, 2);
    expect(facts.tracks[1]).toEqual({
      index: 1,
      kind: 'audio',
      codec: 'aac',
      language: 'eng',
      channels: 2,
      sampleRate: 48000,
    });
  });

  it('does not take a cover picture for a video', () => {
    const cover = { index: 0, codec_type: 'video', codec_name: 'png', disposition: { attached_pic: 1 } };
    expect(readReport(report([cover, sound], { format_name: 'mp3' }))).toMatchObject({
      kind: 'audio',
      mimeType: 'audio/mpeg',
    });
  });

  it('finds the length in a track when the container does not say', () => {
    const tagged = { ...sound, tags: { DURATION: '00:01:02.500000000' } };
    expect(readReport(report([tagged], { duration: undefined })).duration).toBe(62.5);
  });

  it('finds the length in the packets when nothing says', () => {
    expect(endOfPackets('0.000000,0.040000\n9.960000,0.040000\n9.920000,0.040000\nN/A,N/A\n')).toBe(10);
    expect(endOfPackets('0.000000,N/A\n7.5,N/A\n')).toBe(7.5);
    expect(endOfPackets('N/A,0.04\n\n')).toBeUndefined();
  });

  it('reads chapters, and names those without a title', () => {
    const chapters = [
      { start_time: '0.000000', end_time: '60.000000', tags: { title: 'Opening' } },
      { start_time: '60.000000', end_time: '90.500000' },
    ];
    expect(
      readReport({ ...report([sound]), ...FfprobeReport.pick({ chapters: true }).parse({ chapters }) }).chapters,
    ).toEqual([
      { start: 0, end: 60, title: 'Opening' },
      { start: 60, end: 90.5, title: 'Chapter 2' },
    ]);
    expect(readReport(report([sound]))).not.toHaveProperty('chapters');
  });

  it('refuses a file of subtitles only', () => {
    expect(() => readReport(report([{ index: 0, codec_type: 'subtitle', codec_name: 'srt' }]))).toThrow(
      /neither sound nor pictures/,
    );
  });
});
