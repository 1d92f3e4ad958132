// Phone numbers of the account: bought, paid by the month, given up.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { Decision } from "../data/once";
import { explain, type Problem } from "../data/problems";
import { buyNumber } from "../data/purchase";
import { type Scope, useScope } from "../data/scope";
import { NumberState, type RentedNumber } from "../gen/farebox/v1/number_pb";
import { PhoneNumber_Kind } from "../gen/farebox/v1/usage_pb";
import { Button, Field } from "../parts/controls";
import { Confirm, Dialog } from "../parts/dialog";
import { Panel, PartTitle } from "../parts/panel";
import { Empty, Note, ProblemNote, Shown, Skeleton } from "../parts/states";
import { toMillis } from "../times";

interface Offer {
  number: string;
  purchaseMicros: bigint;
  monthlyMicros: bigint;
  isAffordable: boolean;
}

async function fetchOffer(scope: Scope, number: string): Promise<Offer> {
  const { accountId, server } = scope;
  const quoteOf = (kind: PhoneNumber_Kind) =>
    server.billing.quote({
      deckOf: { case: "accountId", value: accountId },
      usage: { kind: { case: "phoneNumber", value: { number, kind } } },
    });
  const [purchase, renewal] = await Promise.all([
    quoteOf(PhoneNumber_Kind.PURCHASE),
    quoteOf(PhoneNumber_Kind.RENEWAL),
  ]);
  return {
    number,
    purchaseMicros: purchase.amountMicros,
    monthlyMicros: renewal.amountMicros,
    isAffordable: purchase.affordable,
  };
}

function BuyDialog({ offer, onClose }: { offer: Offer; onClose: (bought: boolean) => void }) {
  const scope = useScope();
  const { accountId, money, numbers } = scope;
  const decision = useMemo(() => new Decision(accountId, "number"), [accountId]);
  const isBusy = useSignal(false);
  const problem = useSignal<Problem | undefined>(undefined);
  const buy = async () => {
    isBusy.value = true;
    problem.value = undefined;
    try {
      await buyNumber(scope, decision, offer.number);
      void numbers.load();
      onClose(true);
    } catch (thrown) {
      problem.value = explain(thrown);
      isBusy.value = false;
    }
  };
  return (
    <Dialog title={`Buy ${offer.number}?`} onClose={() => onClose(false)} isHeld={isBusy.value}>
      <div class="dialog-body">
        <p>
          It costs <strong>{money.exact(offer.purchaseMicros)}</strong> now, and{" "}
          <strong>{money.exact(offer.monthlyMicros)}</strong> each month, from your balance.
        </p>
        {!offer.isAffordable && (
          <Note kind="warning">Your balance does not pay for it. Add funds first.</Note>
        )}
        {problem.value && <ProblemNote problem={problem.value} />}
      </div>
      <footer>
        <Button onClick={() => onClose(false)} isDisabled={isBusy.value}>
          Cancel
        </Button>
        <Button
          kind="primary"
          isBusy={isBusy.value}
          isDisabled={!offer.isAffordable}
          onClick={() => void buy()}
        >
          Buy number
        </Button>
      </footer>
    </Dialog>
  );
}

function BuyPanel() {
  const scope = useScope();
  const typed = useSignal("");
  const wrong = useSignal("");
  const problem = useSignal<Problem | undefined>(undefined);
  const offer = useSignal<Offer | undefined>(undefined);
  const bought = useSignal("");
  const isBusy = useSignal(false);
  const submit = async () => {
    const digits = typed.value.replace(/[\s().\-/]/g, "");
    problem.value = undefined;
    bought.value = "";
    if (!/^\+?\d{5,15}$/.test(digits)) {
      wrong.value = "Enter a number with its country code, for example +442071838750.";
      return;
    }
    isBusy.value = true;
    try {
      offer.value = await fetchOffer(scope, digits.startsWith("+") ? digits : `+${digits}`);
    } catch (thrown) {
      problem.value = explain(thrown);
    }
    isBusy.value = false;
  };
  const close = (isBought: boolean) => {
    if (isBought) {
      bought.value = offer.value?.number ?? "";
      typed.value = "";
    }
    offer.value = undefined;
  };
  return (
    <Panel title="Buy a number" name="buy-number">
      <form
        class="filters"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Field
          label="Number"
          name="number"
          type="tel"
          value={typed.value}
          maxLength={24}
          placeholder="+44 20 7183 8750"
          problem={wrong.value}
          onInput={(value) => {
            typed.value = value;
            wrong.value = "";
          }}
        />
        <Button kind="primary" type="submit" isBusy={isBusy.value}>
          Show price
        </Button>
      </form>
      {problem.value && <ProblemNote problem={problem.value} />}
      {bought.value !== "" && <Note kind="good">{bought.value} is yours.</Note>}
      {offer.value && <BuyDialog offer={offer.value} onClose={close} />}
    </Panel>
  );
}

function NumberLine({ number, onRelease }: { number: RentedNumber; onRelease: () => void }) {
  const { calendar } = useScope();
  const isPastDue = number.state === NumberState.PAST_DUE;
  const until = toMillis(number.releaseTime);
  return (
    <li class="number-line">
      <div>
        <strong>{number.number}</strong>
        <span class={`badge ${isPastDue ? "bad" : "good"}`}>
          {isPastDue ? "Past due" : "Active"}
        </span>
        <p class="faint">
          {isPastDue ? "Was due" : "Next renewal"} {calendar.date(toMillis(number.nextRenewalTime))}
        </p>
        {isPastDue && until > 0 && (
          <p class="why">
            A month could not be paid. Add funds, or it is released {calendar.dateTime(until)}.
          </p>
        )}
      </div>
      <Button kind="quiet" onClick={onRelease}>
        Release<span class="unseen"> {number.number}</span>
      </Button>
    </li>
  );
}

export function NumbersPart() {
  const { accountId, numbers, server } = useScope();
  const leaving = useSignal("");
  useEffect(() => void numbers.load(), [numbers]);
  const release = async () => {
    await server.numbers.releaseNumber({ accountId, number: leaving.value });
    await numbers.load();
  };
  return (
    <>
      <PartTitle title="Numbers">Your phone numbers, paid by the month.</PartTitle>
      <BuyPanel />
      <Panel title="Your numbers" name="numbers">
        <Shown
          of={numbers.state.value}
          skeleton={<Skeleton lines={3} />}
          onRetry={() => numbers.load()}
        >
          {(all) => {
            const held = all.filter(({ state }) => state !== NumberState.RELEASED);
            return held.length === 0 ? (
              <Empty icon="numbers" title="No numbers yet">
                <p>A number that you buy is listed here.</p>
              </Empty>
            ) : (
              <ul class="lines">
                {held.map((number) => (
                  <NumberLine
                    key={number.number}
                    number={number}
                    onRelease={() => (leaving.value = number.number)}
                  />
                ))}
              </ul>
            );
          }}
        </Shown>
      </Panel>
      {leaving.value !== "" && (
        <Confirm
          title={`Release ${leaving.value}?`}
          action="Release number"
          onConfirm={release}
          onClose={() => (leaving.value = "")}
        >
          <p>Calls and texts to it end at once, and somebody else may get it.</p>
          <p>Nothing is given back for the month that has begun.</p>
        </Confirm>
      )}
    </>
  );
}
