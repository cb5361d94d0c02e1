/** hh:mm:ss and milliseconds after `point`. Rounds to the nearest millisecond. */
export function clock(seconds: number, point: string): string {
  const total = Math.max(0, Math.round(seconds * 1000));
  const pad = (value: number, width = 2) => String(value).padStart(width, '0');
  const [hours, minutes] = [Math.floor(total / 3_600_000), Math.floor(total / 60_000) % 60];
  return `${pad(hours)}:${pad(minutes)}:${pad(Math.floor(total / 1000) % 60)}${point}${pad(total % 1000, 3)}`;
}

/** mm:ss.xx of LRC, minutes beyond 99 where needed. */
export function lrcClock(seconds: number): string {
  const total = Math.max(0, Math.round(seconds * 100));
  const pad = (value: number) => String(value).padStart(2, '0');
  return `${pad(Math.floor(total / 6000))}:${pad(Math.floor(total / 100) % 60)}.${pad(total % 100)}`;
}
