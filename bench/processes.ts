/** Child processes of the benchmark and what they cost: CPU time and peak memory, read from the kernel. */
import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');

export interface Child {
  readonly process: ChildProcess;
  /** The next line on standard output that the predicate accepts. */
  line(accept: (line: string) => boolean): Promise<string>;
  /** Seconds of CPU used so far, user and system. */
  cpuSeconds(): number;
  /** Highest resident memory so far, in MiB. */
  peakMemoryMb(): number;
  /** Resident memory now, in MiB. */
  memoryMb(): number;
  stop(): Promise<void>;
}

/** @param flags of Node itself */
export function start(script: string, args: readonly string[], flags: readonly string[] = []): Child {
  const child = spawn(process.execPath, [...flags, script, ...args], { stdio: ['ignore', 'pipe', 'inherit'], cwd: root });
  const lines: string[] = [];
  const waiting: { accept: (line: string) => boolean; resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const index = waiting.findIndex((waiter) => waiter.accept(line));
    if (index >= 0) waiting.splice(index, 1)[0]?.resolve(line);
    else if (lines.push(line) > 1000) lines.shift();
  });
  child.on('exit', (code) => {
    for (const waiter of waiting.splice(0)) waiter.reject(new Error(`${path.basename(script)} ended with code ${code}`));
  });
  return {
    process: child,
    line: (accept) => {
      const index = lines.findIndex(accept);
      if (index >= 0) return Promise.resolve(lines.splice(index, 1)[0] as string);
      return new Promise((resolve, reject) => waiting.push({ accept, resolve, reject }));
    },
    cpuSeconds: () => {
      const fields = fs.readFileSync(`/proc/${child.pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    peakMemoryMb: () => kilobytes(child, 'VmHWM') / 1024,
    memoryMb: () => kilobytes(child, 'VmRSS') / 1024,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(timer);
    },
  };
}

function kilobytes(child: ChildProcess, field: 'VmHWM' | 'VmRSS'): number {
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0);
}
