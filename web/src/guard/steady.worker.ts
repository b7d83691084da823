/** Keeps intervals while the page is in the background, where a browser slows the page's own timers to one a minute. */
const running = new Map<number, ReturnType<typeof setInterval>>();

self.onmessage = ({ data }: MessageEvent<{ id: number; every?: number }>) => {
  clearInterval(running.get(data.id));
  running.delete(data.id);
  if (data.every !== undefined) running.set(data.id, setInterval(() => self.postMessage(data.id), data.every));
};
