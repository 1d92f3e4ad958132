// Something that is fetched: absent, there, or failed; what was there stays while it is fetched
// anew, so that nothing on the page jumps.

import { type ReadonlySignal, signal } from "@preact/signals";
import { explain, isAborted, type Problem } from "./problems";

export interface Fetched<T> {
  value?: T;
  problem?: Problem;
  isLoading: boolean;
}

export class Resource<T> {
  readonly #state = signal<Fetched<T>>({ isLoading: true });
  readonly #fetch: (abort: AbortSignal) => Promise<T>;
  #running: AbortController | undefined;

  constructor(fetch: (abort: AbortSignal) => Promise<T>) {
    this.#fetch = fetch;
  }

  get state(): ReadonlySignal<Fetched<T>> {
    return this.#state;
  }
  get value(): T | undefined {
    return this.#state.value.value;
  }

  peek(): T | undefined {
    return this.#state.peek().value;
  }

  // Fetches; an earlier fetch that is under way is given up.
  async load(): Promise<void> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    const { value } = this.#state.peek();
    this.#state.value = { value, isLoading: true };
    try {
      const fetched = await this.#fetch(running.signal);
      if (this.#running === running) this.#state.value = { value: fetched, isLoading: false };
    } catch (thrown) {
      if (this.#running !== running || (running.signal.aborted && isAborted(thrown))) return;
      this.#state.value = { value, problem: explain(thrown), isLoading: false };
    }
  }

  // Another answer of the server's has told it.
  set(value: T): void {
    this.#running?.abort();
    this.#running = undefined;
    this.#state.value = { value, isLoading: false };
  }

  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
  }
}
