import { Code, ConnectError } from "@connectrpc/connect";
import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb";
import { stubSessionStorage } from "./fake_session_storage";
import { Decision, type Kept } from "./once";
import { Payment, type Step } from "./payment";
import type { Scope } from "./scope";

const UNIT = 1_000_000n;

const failure = (code: Code, reason: string, metadata: Record<string, string> = {}) =>
  new ConnectError("x", code, undefined, [
    { desc: ErrorInfoSchema, value: { reason, domain: "farebox", metadata } },
  ]);
const PENDING = failure(Code.Unavailable, "PAYMENT_PENDING");
const LOST = new TypeError("Failed to fetch");

interface Delivery {
  requestId: string;
  succeed: () => void;
  fail: (problem: unknown) => void;
}

describe("a payment", () => {
  // What the server was sent, and has not answered until the test does.
  let deliveries: Delivery[];
  let scope: Scope;

  const pass = (millis: number) => vi.advanceTimersByTimeAsync(millis);
  const open = () => {
    const step = signal<Step>({ kind: "confirm" });
    return { step, payment: new Payment(scope, new Decision("acme", "pay"), step) };
  };
  const pending = () => new Decision("acme", "pay").pending;
  const names = () => new Set(deliveries.map(({ requestId }) => requestId));

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("window", new EventTarget());
    vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
    stubSessionStorage();
    deliveries = [];
    const pay = ({ requestId }: { requestId: string }) =>
      new Promise((resolve, reject) => {
        const succeed = () => resolve({ replayed: false, entry: { balanceAfterMicros: UNIT } });
        deliveries.push({ requestId, succeed, fail: reject });
      });
    scope = {
      accountId: "acme",
      server: { recharges: { pay } },
      charges: { follow: async () => undefined },
    } as unknown as Scope;
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  // Once, the second window made a new name, and the card was charged again without a click.
  test("keeps its name in a window opened before the first one's answer came", async () => {
    const first = open();
    void first.payment.pay(25n * UNIT);
    first.payment.leave();
    const second = open();
    void second.payment.pay(25n * UNIT);

    deliveries[0]?.succeed();
    await pass(0);
    deliveries[1]?.fail(LOST);
    await pass(60_000);

    expect(deliveries.length).toBe(3);
    expect(names().size).toBe(1);
  });

  // What a window reads when it is opened, after another one was closed that has paid.
  const leftBehind = (): Kept => {
    const { payment } = open();
    void payment.pay(25n * UNIT);
    payment.leave();
    const kept = pending();
    if (kept === undefined) throw new Error("nothing is kept");
    return kept;
  };

  // Once, the name was looked up anew when the window was drawn: where the answer had come since it
  // was opened there was none, and a new one charged the card again without a click.
  test("is resumed by its name although it was answered as the window opened", async () => {
    const kept = leftBehind();
    deliveries[0]?.succeed();
    await pass(0);
    expect(pending()).toBeUndefined();
    const { payment, step } = open();

    void payment.resume(kept);
    deliveries[1]?.succeed();
    await pass(0);

    expect(deliveries.length).toBe(2);
    expect(names().size).toBe(1);
    expect(step.peek().kind).toBe("paid");
    expect(pending()).toBeUndefined();
  });

  test.each([
    ["before", true],
    ["after", false],
  ])(
    "answered to a closed window %s it is resumed keeps its name for a reload",
    async (_, isBefore) => {
      const kept = leftBehind();
      const answerFirst = async () => {
        deliveries[0]?.succeed();
        await pass(0);
      };
      if (isBefore) await answerFirst();
      const { payment } = open();
      void payment.resume(kept);
      if (!isBefore) await answerFirst();
      expect(pending()).toEqual(kept);

      deliveries[1]?.fail(LOST);
      await pass(3_100);
      expect(pending()).toEqual(kept);
      deliveries[2]?.fail(failure(Code.FailedPrecondition, "CARD_DECLINED"));
      await pass(0);

      expect(names().size).toBe(1);
      expect(pending()).toBeUndefined();
    },
  );

  test("that was resumed leaves alone what was begun since", async () => {
    const kept = leftBehind();
    const other = new Decision("acme", "pay").nameFor("50");

    const { payment } = open();
    void payment.resume(kept);
    expect(pending()?.requestId).toBe(other);
    deliveries[1]?.succeed();
    await pass(0);

    expect(deliveries[1]?.requestId).toBe(kept.requestId);
    expect(pending()?.requestId).toBe(other);
  });

  // Once, it was asked for every three seconds, as long as the bank left the customer.
  test("that waits for the bank is asked for with growing pauses", async () => {
    const { payment, step } = open();
    void payment.pay(25n * UNIT);
    for (let spent = 0; spent < 180; spent += 1) {
      deliveries.at(-1)?.fail(PENDING);
      await pass(1_000);
    }

    expect(deliveries.length).toBeGreaterThan(5);
    expect(deliveries.length).toBeLessThanOrEqual(10);
    expect(step.peek()).toMatchObject({ kind: "paying", isLong: true });
  });

  // Once, any failure took the link from a customer whom the bank was waiting for.
  test("that waits for the bank keeps its link until the server says otherwise", async () => {
    const { payment, step } = open();
    void payment.pay(25n * UNIT);
    const url = "https://bank.example/confirm";
    deliveries[0]?.fail(failure(Code.Unavailable, "PAYMENT_PENDING", { action_url: url }));
    await pass(3_100);
    deliveries[1]?.fail(LOST);
    await pass(5_100);
    expect(step.peek()).toMatchObject({ kind: "paying", actionUrl: url });

    deliveries[2]?.fail(PENDING);
    await pass(0);

    expect(step.peek()).toMatchObject({ kind: "paying", actionUrl: "" });
  });

  test.each([
    ["focus", () => window],
    ["online", () => window],
    ["visibilitychange", () => document],
  ])("is asked for at once by %s, but not once it is left", async (name, target) => {
    const { payment } = open();
    void payment.pay(25n * UNIT);
    for (let spent = 0; spent < 60; spent += 1) {
      deliveries.at(-1)?.fail(PENDING);
      await pass(1_000);
    }
    const before = deliveries.length;

    target().dispatchEvent(new Event(name));
    target().dispatchEvent(new Event(name));
    expect(deliveries.length).toBe(before + 1);
    deliveries.at(-1)?.fail(PENDING);
    await pass(3_100);
    expect(deliveries.length).toBe(before + 2);

    deliveries.at(-1)?.fail(PENDING);
    await pass(0);
    payment.leave();
    target().dispatchEvent(new Event(name));
    await pass(60_000);
    expect(deliveries.length).toBe(before + 2);
  });

  // Once, that ended the asking, and the window went on saying that the card is being charged.
  test("is asked for again where somebody has signed in again meanwhile", async () => {
    const { payment, step } = open();
    void payment.pay(25n * UNIT);
    deliveries[0]?.fail(failure(Code.Unauthenticated, "UNAUTHENTICATED"));
    await pass(3_100);
    deliveries[1]?.succeed();
    await pass(0);

    expect(names().size).toBe(1);
    expect(step.peek()).toEqual({ kind: "paid", balance: UNIT });
  });

  test("is delivered once by a double click, and anew where one decides again", async () => {
    const { payment, step } = open();
    void payment.pay(25n * UNIT);
    void payment.pay(25n * UNIT);
    expect(deliveries.length).toBe(1);

    deliveries[0]?.fail(failure(Code.FailedPrecondition, "CARD_DECLINED"));
    await pass(0);
    expect(step.peek().kind).toBe("failed");
    void payment.pay(25n * UNIT);

    expect(names().size).toBe(2);
  });
});
