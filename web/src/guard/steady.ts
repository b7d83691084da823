/**
 * Intervals that go on in the background. They come from a worker of our own file, so the page's content policy needs no
 * exception for the workers that the MQTT library would make from a blob.
 */
const waiting = new Map<number, () => void>();
let worker: Worker | null = null;
let last = 0;

function started(): Worker {
  if (worker) return worker;
  worker = new Worker(new URL('./steady.worker.ts', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }: MessageEvent<number>) => waiting.get(data)?.();
  return worker;
}

export function every(ms: number, act: () => void): number {
  last += 1;
  waiting.set(last, act);
  started().postMessage({ id: last, every: ms });
  return last;
}

export function stop(id: number): void {
  waiting.delete(id);
  worker?.postMessage({ id });
}
