/** Hold to act: it acts once when the hold is complete; an early release does nothing. Timers are the page's steady clock. */
export class Hold {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private begun = 0;

  constructor(
    private readonly done: () => void,
    private readonly change: (holding: boolean) => void,
  ) {}

  get holding(): boolean {
    return this.timer !== undefined;
  }

  /** Seconds held so far. */
  get held(): number {
    return this.holding ? (performance.now() - this.begun) / 1000 : 0;
  }

  press(ms: number): void {
    if (this.holding) return;
    this.begun = performance.now();
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.change(false);
      this.done();
    }, ms);
    this.change(true);
  }

  release(): void {
    if (!this.holding) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.change(false);
  }
}
