import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FollowUp } from "./follow_up";

describe("what goes on without telling is asked for", () => {
  const isOpen = signal(false);
  let loads: number[];
  let followUp: FollowUp;
  let start: number;

  const show = (visibilityState: string) => {
    Object.assign(document, { visibilityState });
    document.dispatchEvent(new Event("visibilitychange"));
  };
  const pass = (millis: number) => vi.advanceTimersByTimeAsync(millis);

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("window", new EventTarget());
    vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
    isOpen.value = false;
    loads = [];
    start = Date.now();
    const load = async () => {
      loads.push((Date.now() - start) / 1000);
    };
    followUp = new FollowUp(load, isOpen);
  });
  afterEach(() => {
    followUp.end();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test("for half a minute after it was begun, with growing pauses", async () => {
    void followUp.follow();
    await pass(600_000);
    expect(loads).toEqual([0, 1, 3, 7, 15, 31]);
  });

  test("as long as it is not over", async () => {
    await pass(60_000);
    expect(loads).toEqual([]);

    start = Date.now();
    isOpen.value = true;
    await pass(125_000);
    expect(loads).toEqual([1, 3, 7, 15, 31, 61, 91, 121]);

    isOpen.value = false;
    await pass(600_000);
    expect(loads.length).toBeLessThanOrEqual(9);
  });

  test("only while the tab is seen, and at once when it is seen again", async () => {
    void followUp.follow();
    show("hidden");
    await pass(100_500);
    expect(loads).toEqual([0]);

    show("visible");
    await pass(600_000);
    expect(loads).toEqual([0, 100.5]);
  });

  test("no more once it has ended", async () => {
    void followUp.follow();
    followUp.end();
    await pass(60_000);
    expect(loads).toEqual([0]);
  });
});
