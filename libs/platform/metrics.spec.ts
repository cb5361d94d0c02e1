import { expect, test } from 'vitest';
import { collectMetrics, counter, gauge, histogram, renderMetrics } from './metrics.js';

test('metrics are told in Prometheus’ text format', async () => {
  const requests = counter('t_requests_total', 'Requests.');
  requests.add({ path: '/a"b\n' });
  requests.add({ path: '/a"b\n' }, 2);
  gauge('t_depth', 'Depth.').set(4);
  const seconds = histogram('t_seconds', 'Seconds.', [0.1, 1]);
  for (const value of [0.05, 0.5, 5]) seconds.observe(value, { job: 'see' });
  expect((await renderMetrics()).split('\n').filter((text) => /(^| )t_/.test(text))).toEqual([
    '# HELP t_requests_total Requests.',
    '# TYPE t_requests_total counter',
    't_requests_total{path="/a\\"b\\n"} 3',
    '# HELP t_depth Depth.',
    '# TYPE t_depth gauge',
    't_depth 4',
    '# HELP t_seconds Seconds.',
    '# TYPE t_seconds histogram',
    't_seconds_bucket{job="see",le="0.1"} 1',
    't_seconds_bucket{job="see",le="1"} 2',
    't_seconds_bucket{job="see",le="+Inf"} 3',
    't_seconds_sum{job="see"} 5.55',
    't_seconds_count{job="see"} 3',
  ]);
  expect(() => counter('t_depth', 'Again.')).toThrow(/exists already/);
});

test('gauges are brought up to date when they are read, and one that cannot be keeps its value', async () => {
  const level = gauge('t_level', 'Level.');
  let now = 1;
  const end = collectMetrics(async () => level.set(now));
  const endFailing = collectMetrics(() => Promise.reject(new Error('away')));
  expect(await renderMetrics()).toContain('t_level 1');
  now = 2;
  expect(await renderMetrics()).toContain('t_level 2');
  end();
  endFailing();
  now = 3;
  expect(await renderMetrics()).toContain('t_level 2');
});
