// A payment by hand. A decision to pay has one name for all its deliveries, so it is charged once,
// however often the button is pressed, the answer is lost, or the window is closed and opened.

import type { Signal } from "@preact/signals";
import type { Decision, Kept } from "./once";
import { explain, type Problem } from "./problems";
import { Repeat } from "./repeat";
import type { Scope } from "./scope";

// A bank may leave the customer the whole day, and each time that is asked is two lines of the
// server's audit.
const PAUSES_MS = [3_000, 5_000, 10_000, 20_000, 30_000];
// Then the reader is told that it takes long; it is asked on.
const LONG_WAIT_MS = 20_000;

// What its window shows.
export type Step =
  | { kind: "amount" }
  | { kind: "confirm" }
  | { kind: "paying"; actionUrl: string; isLong: boolean }
  // Undefined where an earlier delivery has made the payment: what is told then is an old balance.
  | { kind: "paid"; balance: bigint | undefined }
  | { kind: "failed"; problem: Problem };

// Who asked last for a name. The others were left, and nobody sees what they hear: the name is kept
// until this one hears it, so that a page that is loaded anew meanwhile asks by it too.
const askers = new Map<string, Payment>();

export class Payment {
  readonly #scope: Scope;
  readonly #decision: Decision;
  readonly #step: Signal<Step>;
  #longTimer: ReturnType<typeof setTimeout> | undefined;
  #retry: Repeat | undefined;
  #isOver = false;

  constructor(scope: Scope, decision: Decision, step: Signal<Step>) {
    this.#scope = scope;
    this.#decision = decision;
    this.#step = step;
  }

  // A click: only by this a payment gets a name.
  async pay(amountMicros: bigint): Promise<void> {
    // A double click.
    if (this.#retry !== undefined) return;
    const content = String(amountMicros);
    await this.#ask({ requestId: this.#decision.nameFor(content), content });
  }

  // Nobody has clicked: `kept` was left behind. Its outcome may have become known since it was
  // read, which is then told.
  async resume(kept: Kept): Promise<void> {
    this.#decision.keep(kept);
    await this.#ask(kept);
  }

  // The window is closed: what is not known now is asked for again when it is opened.
  leave(): void {
    this.#isOver = true;
    this.#retry?.stop();
    clearTimeout(this.#longTimer);
  }

  // One name for all deliveries: another one would be another charge.
  async #ask({ requestId, content }: Kept): Promise<void> {
    askers.set(requestId, this);
    this.#step.value = { kind: "paying", actionUrl: "", isLong: false };
    this.#longTimer = setTimeout(() => this.#change({ isLong: true }), LONG_WAIT_MS);
    const deliver = () => this.#deliver(requestId, BigInt(content));
    this.#retry = new Repeat(PAUSES_MS, () => void deliver());
    await deliver();
  }

  async #deliver(requestId: string, amountMicros: bigint): Promise<void> {
    const { accountId, server } = this.#scope;
    try {
      const paid = await server.recharges.pay({ accountId, requestId, amountMicros });
      const balance = paid.replayed ? undefined : paid.entry?.balanceAfterMicros;
      this.#end(requestId, { kind: "paid", balance });
    } catch (thrown) {
      const problem = explain(thrown);
      if (problem.isVerdict) return this.#end(requestId, { kind: "failed", problem });
      // The outcome is not known: the same payment is asked for again. Also where nobody is signed
      // in: if the page stays, somebody is by then.
      if (this.#isOver) return;
      // Only the server knows whether the bank still waits for the customer.
      if (problem.reason === "PAYMENT_PENDING") {
        this.#change({ actionUrl: problem.metadata.action_url ?? "" });
      }
      this.#retry?.plan();
    }
  }

  #change(changed: { actionUrl: string } | { isLong: boolean }): void {
    const step = this.#step.peek();
    if (step.kind === "paying") this.#step.value = { ...step, ...changed };
  }

  #end(requestId: string, step: Step): void {
    if (askers.get(requestId) === this) {
      askers.delete(requestId);
      this.#decision.settle(requestId);
    }
    this.#retry = undefined;
    clearTimeout(this.#longTimer);
    void this.#scope.charges.follow();
    if (!this.#isOver) this.#step.value = step;
  }
}
