// Asks again for what goes on without telling. Charges of the card do: one that is declined makes
// no entry, and one that succeeds is in the ledger before it says so itself.

import type { ReadonlySignal } from "@preact/signals";
import { Repeat } from "./repeat";

const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000];
// What was begun is to be seen by then, if only as open.
const EXPECTED_MS = 30_000;

export class FollowUp {
  readonly #load: () => Promise<unknown>;
  readonly #isOpen: ReadonlySignal<boolean>;
  readonly #repeat = new Repeat(PAUSES_MS, () => void this.#look());
  readonly #unsubscribe: () => void;
  #expectedUntil = 0;
  #isEnded = false;

  // `isOpen` says whether something of what was loaded is not over.
  constructor(load: () => Promise<unknown>, isOpen: ReadonlySignal<boolean>) {
    this.#load = load;
    this.#isOpen = isOpen;
    this.#unsubscribe = isOpen.subscribe((isNow) => {
      if (!isNow) return;
      this.#repeat.reset();
      this.#repeat.plan();
    });
  }

  // Loads now, and for a while: something was begun.
  async follow(): Promise<void> {
    this.#expectedUntil = Date.now() + EXPECTED_MS;
    this.#repeat.reset();
    await this.#look();
  }

  end(): void {
    this.#isEnded = true;
    this.#unsubscribe();
    this.#repeat.stop();
  }

  async #look(): Promise<void> {
    // Tabs that nobody sees ask nothing, but once they are seen.
    const isSeen = document.visibilityState === "visible";
    if (isSeen) await this.#load();
    const isGoingOn = !isSeen || this.#isOpen.peek() || Date.now() < this.#expectedUntil;
    if (isGoingOn && !this.#isEnded) this.#repeat.plan();
  }
}
