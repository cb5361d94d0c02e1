import { readdirSync, readFileSync } from 'node:fs';

const SAMPLE_MS = 250;

export interface MemoryWatch {
  /** Peak bytes in RAM of this process, and of it with all that it started, as `treeBytes` counts them. */
  stop(): { own: number; all: number };
}

/** Watches memory over all processes; this one alone where the system has no /proc. */
export function watchMemory(): MemoryWatch {
  const peak = { own: 0, all: 0 };
  const look = (): void => {
    const own = process.memoryUsage.rss();
    peak.own = Math.max(peak.own, own);
    peak.all = Math.max(peak.all, own, treeBytes(process.pid));
  };
  const timer = setInterval(look, SAMPLE_MS);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return peak;
    },
  };
}

/**
 * Bytes in RAM of a process and of all that it started. Memory that they share counts once, by its largest user; files that several map
 * count for each (their share of it would change with every other program that maps them). What was forked and has not begun its own
 * program yet is no memory: all its pages are its parent's. 0 where the system has no /proc.
 */
export function treeBytes(root: number): number {
  const all = [root, ...descendants(root)].map((pid) => fileOf(pid, 'status'));
  const sum = (field: string): number => all.reduce((total, status) => total + bytesOf(status, field), 0);
  return sum('RssAnon') + sum('RssFile') + Math.max(...all.map((status) => bytesOf(status, 'RssShmem')));
}

/** ffmpeg, the readers of documents, and the embedded database with its connections. */
function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of processes()) {
    const parent = Number(/^\d+ \(.*\) \S (\d+)/s.exec(fileOf(pid, 'stat'))?.[1] ?? 0);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found: number[] = [];
  for (const open = [root]; open.length > 0;) {
    const parent = open.pop() as number;
    const command = fileOf(parent, 'cmdline');
    const next = (children.get(parent) ?? []).filter((pid) => fileOf(pid, 'cmdline') !== command);
    found.push(...next);
    open.push(...next);
  }
  return found;
}

function processes(): number[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number); // prettier-ignore
  } catch {
    return [];
  }
}

const bytesOf = (status: string, field: string): number =>
  1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);

/** Empty when the process has ended meanwhile. */
function fileOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
