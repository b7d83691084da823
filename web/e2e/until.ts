/** Waits for a level, never for a time: looks again until it holds or the bound is over, and then says what was missing. */
const LOOK_MS = 40;

export async function until<T>(what: string, look: () => Promise<T | null | undefined | false>, boundMs = 15_000): Promise<T> {
  const end = performance.now() + boundMs;
  let last: unknown = null;
  for (;;) {
    try {
      const seen = await look();
      if (seen) return seen;
      last = seen;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`not seen in ${boundMs} ms: ${what} (last: ${String(last)})`);
    await new Promise((resume) => setTimeout(resume, LOOK_MS));
  }
}
