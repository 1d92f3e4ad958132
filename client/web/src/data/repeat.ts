// Something that is done again after growing pauses, and at once when the reader comes back to the
// page or to the network.

export class Repeat {
  readonly #pausesMs: readonly number[];
  readonly #act: () => void;
  // Pauses since the first of them.
  #count = 0;
  #waiting: AbortController | undefined;

  // The last of the pauses is that of all that follow.
  constructor(pausesMs: readonly number[], act: () => void) {
    this.#pausesMs = pausesMs;
    this.#act = act;
  }

  // Once more, after the next pause.
  plan(): void {
    this.stop();
    const waiting = new AbortController();
    this.#waiting = waiting;
    const act = () => {
      this.stop();
      this.#act();
    };
    const wake = () => {
      if (document.visibilityState !== "visible") return;
      this.reset();
      act();
    };
    const pause = this.#pausesMs[Math.min(this.#count, this.#pausesMs.length - 1)];
    this.#count += 1;
    const timer = setTimeout(act, pause);
    const { signal } = waiting;
    signal.addEventListener("abort", () => clearTimeout(timer));
    document.addEventListener("visibilitychange", wake, { signal });
    window.addEventListener("focus", wake, { signal });
    window.addEventListener("online", wake, { signal });
  }

  // The next pause is the first one again.
  reset(): void {
    this.#count = 0;
  }

  stop(): void {
    this.#waiting?.abort();
    this.#waiting = undefined;
  }
}
