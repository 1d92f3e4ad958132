import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { GetBalanceResponseSchema, WatchAccountResponseSchema } from "../gen/farebox/v1/billing_pb";
import { LiveAccount } from "./live";
import type { Server } from "./server";

const LAG_MAX = 100n;

// A server whose entry n leaves a balance of n; what its stream has sent may be behind.
class FakeBilling {
  newest = 5n;
  sent = 5n;
  isBroken = false;
  streams = 0;
  balances = 0;

  append(count: bigint): void {
    this.newest += count;
    this.sent = this.newest;
  }

  readonly getBalance = async () => {
    this.balances += 1;
    return create(GetBalanceResponseSchema, {
      asOfEntry: this.newest,
      balanceMicros: this.newest,
    });
  };

  async *watchAccount(request: { fromEntryId: bigint }, { signal }: { signal: AbortSignal }) {
    let last = request.fromEntryId;
    this.streams += 1;
    if (this.newest - last > LAG_MAX) throw new ConnectError("too far", Code.InvalidArgument);
    if (last > this.newest) throw new ConnectError("not there", Code.InvalidArgument);
    while (!signal.aborted && !this.isBroken) {
      while (last < this.sent) {
        last += 1n;
        const value = { entryId: last, balanceAfterMicros: last };
        yield create(WatchAccountResponseSchema, { event: { case: "entry", value } });
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new ConnectError("broken", Code.Unavailable);
  }
}

describe("entries are told, each once and in order,", () => {
  let billing: FakeBilling;
  let live: LiveAccount;
  let heard: bigint[];

  const show = (visibilityState: string) => {
    Object.assign(document, { visibilityState });
    document.dispatchEvent(new Event("visibilitychange"));
  };
  const pass = (millis: number) => vi.advanceTimersByTimeAsync(millis);

  beforeEach(async () => {
    vi.useFakeTimers();
    vi.stubGlobal("window", new EventTarget());
    vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
    vi.stubGlobal("navigator", { onLine: true });
    billing = new FakeBilling();
    live = new LiveAccount({ billing } as unknown as Server, "acme");
    heard = [];
    live.onEntry((entry) => heard.push(entry.entryId));
    await pass(50);
  });
  afterEach(() => {
    live.end();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test("from the first balance on", async () => {
    expect(heard).toEqual([]);
    billing.append(2n);
    await pass(50);
    expect(heard).toEqual([6n, 7n]);
  });

  test("also those that came while nobody saw the tab", async () => {
    show("hidden");
    billing.append(3n);
    await pass(60_000);
    show("visible");
    await pass(50);
    expect(heard).toEqual([6n, 7n, 8n]);
  });

  test("also those that came while the stream was broken", async () => {
    billing.isBroken = true;
    await pass(50);
    billing.append(3n);
    billing.isBroken = false;
    await pass(1_000);
    expect(heard).toEqual([6n, 7n, 8n]);
    expect(live.losses.peek()).toBe(0);
  });

  test("also those that a balance has overtaken, which stays", async () => {
    billing.append(1n);
    await pass(50);
    billing.newest = 9n;
    await pass(500);
    expect(live.balance.peek()?.balance).toBe(9n);
    billing.sent = 8n;
    await pass(50);
    expect(heard).toEqual([6n, 7n, 8n]);
    expect(live.balance.peek()?.balance).toBe(9n);
  });

  test("but those that are too many for the server", async () => {
    show("hidden");
    billing.append(LAG_MAX + 1n);
    show("visible");
    await pass(2_000);
    billing.append(1n);
    await pass(50);
    expect(live.isLive.peek()).toBe(true);
    expect(heard).toEqual([billing.newest]);
    expect(live.losses.peek()).toBe(1);
  });

  test("from the balance on where the ledger was restored from before", async () => {
    show("hidden");
    billing.append(3n);
    show("visible");
    await pass(50);
    billing.isBroken = true;
    await pass(50);
    billing.newest = 4n;
    billing.sent = 4n;
    billing.isBroken = false;
    await pass(5_000);
    expect(live.balance.peek()?.balance).toBe(4n);
    billing.append(1n);
    await pass(50);
    expect(heard).toEqual([6n, 7n, 8n, 5n]);
    expect(live.losses.peek()).toBe(1);
  });

  test("over a new stream where one is silent and the balance is not", async () => {
    await pass(70_000);
    expect(billing.streams).toBe(1);

    billing.newest += 1n;
    await pass(70_000);
    expect(billing.streams).toBeGreaterThan(1);

    billing.sent = billing.newest;
    await pass(10_000);
    expect(heard).toEqual([6n]);
  });

  test("and what they do not tell is asked for, also while they do not stop", async () => {
    const before = billing.balances;
    for (let spent = 0; spent < 10_000; spent += 300) {
      billing.append(1n);
      await pass(300);
    }
    expect(billing.balances - before).toBeGreaterThan(10);
    expect(billing.balances - before).toBeLessThan(30);
  });
});
