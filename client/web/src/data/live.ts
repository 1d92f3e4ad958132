// What the account has, as it changes: the balance is asked for once, and the entries that come
// after it are watched. A stream that ends is begun again from the last entry that was seen, so
// nothing is missed and nothing is told twice.

import { Code, ConnectError } from "@connectrpc/connect";
import { computed, signal } from "@preact/signals";
import type { GetBalanceResponse } from "../gen/farebox/v1/billing_pb";
import type { Entry } from "../gen/farebox/v1/entry_pb";
import type { Server } from "./server";

export interface Balance {
  balance: bigint;
  held: bigint;
  available: bigint;
  creditLimit: bigint;
  currency: string;
  state: number;
  openHolds: number;
  asOf: bigint;
}

export type Connection = "connecting" | "live" | "waiting" | "offline";

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 15_000;
// How many calls are open is counted again so long after an entry, with those that come meanwhile.
const RECOUNT_MS = 400;
// A stream that has said nothing for so long may be dead without anybody having been told.
const QUIET_MS_MAX = 60_000;

function balanceOf(answer: GetBalanceResponse): Balance {
  return {
    balance: answer.balanceMicros,
    held: answer.heldMicros,
    available: answer.availableMicros,
    creditLimit: answer.creditLimitMicros,
    currency: answer.currencyCode,
    state: answer.state,
    openHolds: answer.openHolds,
    asOf: answer.asOfEntry,
  };
}

// The balance after an entry. How many calls are open, an entry does not tell: that is asked for.
export function fold(before: Balance, entry: Entry): Balance {
  if (entry.entryId <= before.asOf) return before;
  const available = entry.balanceAfterMicros - entry.heldAfterMicros + before.creditLimit;
  return {
    ...before,
    balance: entry.balanceAfterMicros,
    held: entry.heldAfterMicros,
    available,
    asOf: entry.entryId,
  };
}

export class LiveAccount {
  readonly balance = signal<Balance | undefined>(undefined);
  readonly connection = signal<Connection>("connecting");
  // How often nothing that was told before was good to go on from: entries are undone, or there are
  // some that nobody was told of. What lists them is to be fetched anew.
  readonly losses = signal(0);
  readonly isLive = computed(() => this.connection.value === "live");

  readonly #server: Server;
  readonly #accountId: string;
  readonly #listeners = new Set<(entry: Entry) => void>();
  readonly #ends: (() => void)[] = [];
  // The newest entry that was told. A balance that was asked for may be ahead of it.
  #seen = 0n;
  #stream: AbortController | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #quietTimer: ReturnType<typeof setTimeout> | undefined;
  #recountTimer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #isEnded = false;
  // Nothing that was seen is good to go on from.
  #isLost = false;

  constructor(server: Server, accountId: string) {
    this.#server = server;
    this.#accountId = accountId;
    const wake = () => this.#wake();
    const listen = (target: EventTarget, name: string) => {
      target.addEventListener(name, wake);
      this.#ends.push(() => target.removeEventListener(name, wake));
    };
    listen(window, "online");
    listen(window, "offline");
    listen(document, "visibilitychange");
    wake();
  }

  // Called for each entry that is new. Returns what ends that.
  onEntry(listener: (entry: Entry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // Asks for the balance; for what changes it without an entry, and to be sure.
  async refresh(): Promise<void> {
    const answer = await this.#server.billing.getBalance({ accountId: this.#accountId });
    const isLost = this.#isLost;
    const known = isLost ? undefined : this.balance.peek();
    this.#isLost = false;
    if (known === undefined) this.#seen = answer.asOfEntry;
    if (known === undefined || answer.asOfEntry >= known.asOf) {
      this.balance.value = balanceOf(answer);
    }
    if (isLost) this.losses.value += 1;
  }

  end(): void {
    this.#isEnded = true;
    this.#stop();
    clearTimeout(this.#recountTimer);
    for (const end of this.#ends) end();
  }

  #stop(): void {
    this.#stream?.abort();
    this.#stream = undefined;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#quietTimer);
  }

  // Tabs that nobody sees watch nothing: a browser opens six connections to a server at most, and
  // each stream takes one.
  #wake(): void {
    if (this.#isEnded) return;
    this.#stop();
    if (!navigator.onLine) {
      this.connection.value = "offline";
    } else if (document.visibilityState === "visible") {
      this.#failures = 0;
      void this.#watch();
    }
  }

  async #watch(): Promise<void> {
    const stream = new AbortController();
    this.#stream = stream;
    if (this.connection.peek() !== "live") this.connection.value = "connecting";
    try {
      await this.refresh();
      if (stream.signal.aborted) return;
      await this.#follow(stream);
      this.#tryAgain(stream, 0);
    } catch (problem) {
      // Too far behind for the server, or ahead of it since it was restored: rather a gap in what
      // is told than never to be live again.
      if (ConnectError.from(problem).code === Code.InvalidArgument) this.#isLost = true;
      // Whether nobody is signed in any more, the next call says.
      this.#tryAgain(stream, this.#failures + 1);
    }
  }

  async #follow(stream: AbortController): Promise<void> {
    const request = { accountId: this.#accountId, fromEntryId: this.#seen };
    const options = { signal: stream.signal, timeoutMs: 0 };
    this.connection.value = "live";
    this.#listenForSilence(stream);
    for await (const { event } of this.#server.billing.watchAccount(request, options)) {
      this.#failures = 0;
      this.#listenForSilence(stream);
      if (event.case === "entry") this.#take(event.value);
    }
  }

  #take(entry: Entry): void {
    const before = this.balance.peek();
    if (before === undefined || entry.entryId <= this.#seen) return;
    this.#seen = entry.entryId;
    this.balance.value = fold(before, entry);
    for (const listener of this.#listeners) listener(entry);
    // Not begun anew by each entry: on a busy account it would never end.
    this.#recountTimer ??= setTimeout(() => {
      this.#recountTimer = undefined;
      void this.refresh().catch(() => undefined);
    }, RECOUNT_MS);
  }

  #listenForSilence(stream: AbortController): void {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => {
      this.refresh().then(
        () => {
          if (this.#stream !== stream) return;
          // The server is there, and this stream has not told what the balance knows of.
          const isDead = (this.balance.peek()?.asOf ?? 0n) > this.#seen;
          isDead ? stream.abort() : this.#listenForSilence(stream);
        },
        () => stream.abort(),
      );
    }, QUIET_MS_MAX);
  }

  #tryAgain(stream: AbortController, failures: number): void {
    if (this.#isEnded || this.#stream !== stream) return;
    this.#failures = failures;
    this.connection.value = navigator.onLine ? "waiting" : "offline";
    const pause = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(failures, 8));
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(
      () => {
        if (this.#stream === stream) void this.#watch();
      },
      pause * (0.5 + Math.random() / 2),
    );
  }
}
