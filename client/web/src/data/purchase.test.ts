import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { NumberState } from "../gen/farebox/v1/number_pb";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb";
import { stubSessionStorage } from "./fake_session_storage";
import { Decision } from "./once";
import { buyNumber } from "./purchase";
import type { Scope } from "./scope";

const NUMBER = "+442071838750";
const LOST = new TypeError("Failed to fetch");
const TAKEN = new ConnectError("x", Code.AlreadyExists, undefined, [
  { desc: ErrorInfoSchema, value: { reason: "NUMBER_TAKEN", domain: "farebox" } },
]);

describe("a purchase", () => {
  // What the server has sold, by name, and each name it was asked by.
  let sold: Map<string, NumberState>;
  let asked: string[];
  // Which of the answers are lost, from 1.
  let lost: number[];
  // Why nothing new is sold, where nothing is.
  let refusal: unknown;
  let scope: Scope;

  const buy = () => buyNumber(scope, new Decision("acme", "number"), NUMBER);
  const pending = () => new Decision("acme", "number").pending;
  const release = () => {
    for (const name of sold.keys()) sold.set(name, NumberState.RELEASED);
  };

  beforeEach(() => {
    stubSessionStorage();
    sold = new Map();
    asked = [];
    lost = [];
    refusal = undefined;
    const purchaseNumber = async ({ requestId }: { requestId: string }) => {
      asked.push(requestId);
      const before = sold.get(requestId);
      if (before === undefined && refusal !== undefined) throw refusal;
      const state = before ?? NumberState.ACTIVE;
      sold.set(requestId, state);
      if (lost.includes(asked.length)) throw LOST;
      return { number: { number: NUMBER, state }, replayed: before !== undefined };
    };
    scope = { accountId: "acme", server: { numbers: { purchaseNumber } } } as unknown as Scope;
  });
  afterEach(() => vi.unstubAllGlobals());

  test("whose answer is lost is asked for again by its name", async () => {
    lost = [1];
    await expect(buy()).rejects.toBe(LOST);
    expect(pending()?.content).toBe(NUMBER);

    await buy();

    expect(asked.length).toBe(2);
    expect(sold.size).toBe(1);
    expect(pending()).toBeUndefined();
  });

  // Once, the old answer was taken for the new one: the page said that the number is theirs, and
  // nothing was bought.
  test("of a number that was given up since is made anew", async () => {
    lost = [1];
    await expect(buy()).rejects.toBe(LOST);
    release();

    await buy();

    expect([...sold.values()]).toEqual([NumberState.RELEASED, NumberState.ACTIVE]);
    expect(pending()).toBeUndefined();
  });

  test("that is made anew is asked for again by its new name", async () => {
    lost = [1, 3];
    await expect(buy()).rejects.toBe(LOST);
    release();
    await expect(buy()).rejects.toBe(LOST);

    await buy();

    expect(asked[3]).toBe(asked[2]);
    expect([...sold.values()]).toEqual([NumberState.RELEASED, NumberState.ACTIVE]);
    expect(pending()).toBeUndefined();
  });

  test("that is refused leaves no name behind", async () => {
    refusal = TAKEN;
    await expect(buy()).rejects.toBe(TAKEN);
    expect(pending()).toBeUndefined();

    refusal = undefined;
    await buy();
    expect(new Set(asked).size).toBe(2);
  });
});
