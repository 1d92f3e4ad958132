// A number that is bought. As with a payment, a decision to buy has one name for all its
// deliveries; but what an earlier delivery bought may have been given up since.

import { NumberState } from "../gen/farebox/v1/number_pb";
import type { Decision } from "./once";
import { explain } from "./problems";
import type { Scope } from "./scope";

// By a click: when it resolves, the number is the account's, and charged once. Throws what the
// server or the network did instead; where that is no verdict, the same again has the same name.
export async function buyNumber(scope: Scope, decision: Decision, number: string): Promise<void> {
  const state = await deliver(scope, decision, number);
  // The answer was that to an earlier click, and by now that purchase is over: this is another one,
  // and its name is new.
  if (state === NumberState.RELEASED) await deliver(scope, decision, number);
}

// Returns how the number stands that was bought by the decision's name.
async function deliver(
  { accountId, server }: Scope,
  decision: Decision,
  number: string,
): Promise<NumberState | undefined> {
  const requestId = decision.nameFor(number);
  try {
    const bought = await server.numbers.purchaseNumber({ accountId, requestId, number });
    decision.settle(requestId);
    return bought.number?.state;
  } catch (thrown) {
    if (explain(thrown).isVerdict) decision.settle(requestId);
    throw thrown;
  }
}
