// Pay now: amount, confirmation, progress, result.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { Decision } from "../data/once";
import { Payment, type Step } from "../data/payment";
import { isUncharged, type Problem } from "../data/problems";
import { safeLink } from "../data/safe_link";
import { useScope } from "../data/scope";
import { Button, Field } from "../parts/controls";
import { Dialog } from "../parts/dialog";
import { Note, ProblemNote } from "../parts/states";
import { CardName, describeCard } from "./card_name";

const UNIT = 1_000_000n;
const PRESETS = [25n * UNIT, 50n * UNIT, 100n * UNIT];

export function PayDialog({ onClose }: { onClose: () => void }) {
  const scope = useScope();
  const decision = useMemo(() => new Decision(scope.accountId, "pay"), [scope]);
  const unfinished = useMemo(() => decision.pending, [decision]);
  const amount = useSignal(BigInt(unfinished?.content ?? 0));
  const step = useSignal<Step>({ kind: "amount" });
  const payment = useMemo(() => new Payment(scope, decision, step), [scope, decision, step]);
  useEffect(() => {
    if (scope.cards.peek() === undefined) void scope.cards.load();
    // By the name that was read: it may be settled since the window was drawn.
    if (unfinished !== undefined) void payment.resume(unfinished);
    return () => payment.leave();
  }, [scope, payment, unfinished]);
  const { kind } = step.value;
  return (
    <Dialog title="Pay now" onClose={onClose}>
      {kind === "amount" && (
        <AmountForm
          amount={amount.value}
          onChosen={(micros) => {
            amount.value = micros;
            step.value = { kind: "confirm" };
          }}
        />
      )}
      {kind === "confirm" && (
        <Confirmation
          amount={amount.value}
          onBack={() => (step.value = { kind: "amount" })}
          onPay={() => void payment.pay(amount.value)}
        />
      )}
      {step.value.kind === "paying" && <Progress amount={amount.value} {...step.value} />}
      {step.value.kind === "paid" && (
        <Paid amount={amount.value} balance={step.value.balance} onClose={onClose} />
      )}
      {step.value.kind === "failed" && (
        <Failed
          problem={step.value.problem}
          onClose={onClose}
          onAgain={() => (step.value = { kind: "amount" })}
        />
      )}
    </Dialog>
  );
}

function AmountForm(props: { amount: bigint; onChosen: (micros: bigint) => void }) {
  const { money, cards, autoRecharge } = useScope();
  const typed = useSignal(props.amount > 0n ? money.editable(props.amount) : "");
  const problem = useSignal("");
  const most = autoRecharge.value?.limits?.chargeMaxMicros ?? 0n;
  const card = cards.value?.[0];
  const submit = () => {
    const micros = money.parse(typed.value);
    if (micros === undefined || micros === 0n) {
      problem.value = "Enter an amount, for example 25.";
    } else if (most > 0n && micros > most) {
      problem.value = `At most ${money.exact(most)} can be charged at once.`;
    } else {
      props.onChosen(micros);
    }
  };
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div class="dialog-body">
        <div class="presets">
          {PRESETS.map((preset) => (
            <Button
              key={preset}
              onClick={() => {
                typed.value = money.editable(preset);
                problem.value = "";
              }}
            >
              {money.short(preset)}
            </Button>
          ))}
        </div>
        <Field
          label={`Amount in ${money.currency}`}
          name="amount"
          inputMode="decimal"
          value={typed.value}
          maxLength={20}
          hint={most > 0n ? `At most ${money.exact(most)} at once.` : ""}
          problem={problem.value}
          onInput={(value) => {
            typed.value = value;
            problem.value = "";
          }}
        />
        {cards.value?.length === 0 && (
          <Note kind="warning">There is no card on file. Add a card first.</Note>
        )}
        {card && (
          <p class="with-card">
            Charged to <CardName card={card} />
          </p>
        )}
      </div>
      <footer>
        <Button kind="primary" type="submit" isDisabled={cards.value?.length === 0}>
          Continue
        </Button>
      </footer>
    </form>
  );
}

function Confirmation(props: { amount: bigint; onBack: () => void; onPay: () => void }) {
  const { money, cards } = useScope();
  const card = cards.value?.[0];
  const amount = money.exact(props.amount);
  return (
    <>
      <div class="dialog-body">
        <p class="big">{amount}</p>
        <p>
          will be charged to {card ? describeCard(card) : "your card"} now and added to your
          balance.
        </p>
      </div>
      <footer>
        <Button onClick={props.onBack}>Back</Button>
        <Button kind="primary" onClick={props.onPay}>{`Pay ${amount}`}</Button>
      </footer>
    </>
  );
}

function Progress(props: { amount: bigint; actionUrl: string; isLong: boolean }) {
  const { money } = useScope();
  const link = safeLink(props.actionUrl);
  return (
    <div class="dialog-body progress" role="status">
      <span class="spinner big" aria-hidden="true" />
      {link === undefined ? (
        <p>Charging {money.exact(props.amount)}. This takes a few seconds.</p>
      ) : (
        <>
          <p>Your bank wants you to confirm this payment.</p>
          <a class="button primary" href={link} target="_blank" rel="noopener noreferrer">
            Confirm with your bank
          </a>
        </>
      )}
      {props.isLong && link === undefined && (
        <p class="hint">
          It is not known yet whether it was paid. You can close this window: when you open it
          again, it asks for the same payment, which is charged once.
        </p>
      )}
    </div>
  );
}

function Paid(props: { amount: bigint; balance: bigint | undefined; onClose: () => void }) {
  const { money } = useScope();
  return (
    <>
      <div class="dialog-body">
        <Note kind="good">
          <strong>{money.exact(props.amount)} was paid.</strong>
          {props.balance !== undefined && ` Your balance is now ${money.floor(props.balance)}.`}
        </Note>
      </div>
      <footer>
        <Button kind="primary" onClick={props.onClose}>
          Done
        </Button>
      </footer>
    </>
  );
}

function Failed(props: { problem: Problem; onAgain: () => void; onClose: () => void }) {
  return (
    <>
      <div class="dialog-body">
        <ProblemNote problem={props.problem} />
        {isUncharged(props.problem) && <p>Nothing was charged.</p>}
      </div>
      <footer>
        <Button onClick={props.onClose}>Close</Button>
        <Button kind="primary" onClick={props.onAgain}>
          Try again
        </Button>
      </footer>
    </>
  );
}
