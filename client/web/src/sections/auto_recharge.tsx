// The card is charged by itself when the balance runs low: how much, when, and who is told when it
// fails. One button sets all of it; the rules are shown before, and what breaks them beside it.

import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { explain, type Problem } from "../data/problems";
import { check, chosenSumMax, type Draft, type Problems } from "../data/recharge_rules";
import { useScope } from "../data/scope";
import {
  type AutoRecharge,
  type GetAutoRechargeResponse,
  type RechargeLimits,
  RechargeMode,
} from "../gen/farebox/v1/recharge_pb";
import type { MoneyFormat } from "../money";
import { Button, Field, Switch } from "../parts/controls";
import { Panel } from "../parts/panel";
import { Note, ProblemNote, Shown, Skeleton } from "../parts/states";
import { toMillis } from "../times";

function draftOf(settings: AutoRecharge | undefined, money: MoneyFormat): Draft {
  const shown = (micros: bigint | undefined) => (micros ? money.editable(micros) : "");
  return {
    enabled: settings?.enabled ?? false,
    amount: shown(settings?.amountMicros),
    threshold: shown(settings?.thresholdMicros),
    email: settings?.failureEmail ?? "",
  };
}

// What nobody has changed here follows what was changed elsewhere, as when the last card is
// deleted: the next Update must not bring it back.
function followed(draft: Draft, begun: Draft, now: Draft): Draft {
  const changed = (Object.keys(draft) as (keyof Draft)[]).filter(
    (field) => draft[field] !== begun[field],
  );
  return { ...now, ...Object.fromEntries(changed.map((field) => [field, draft[field]])) };
}

// The field that the server names.
function problemsOf(problem: Problem): Problems {
  if (problem.field.endsWith("amount_micros")) return { amount: problem.text };
  if (problem.field.endsWith("threshold_micros")) return { threshold: problem.text };
  if (problem.field.endsWith("failure_email")) return { email: problem.text };
  return {};
}

function Standing({ answer }: { answer: GetAutoRechargeResponse }) {
  const { accountId, calendar, charges, server } = useScope();
  const isBusy = useSignal(false);
  const problem = useSignal<Problem | undefined>(undefined);
  const settings = answer.autoRecharge;
  if (!settings?.enabled || settings.stoppedBecause === "") return null;
  const next = toMillis(settings.nextAttemptTime);
  const retry = async () => {
    isBusy.value = true;
    problem.value = undefined;
    try {
      await server.recharges.retryRecharge({ accountId });
      // That is answered before the card is charged.
      await charges.follow();
    } catch (thrown) {
      problem.value = explain(thrown);
    }
    isBusy.value = false;
  };
  const { stoppedBecause: reason } = settings;
  return (
    <Note kind="warning">
      <p>
        <strong>It does not charge at present:</strong> {reason}.
        {next > 0 && ` Next try: ${calendar.dateTime(next)}.`}
      </p>
      {settings.declinesInARow > 0 && (
        <Button icon="refresh" isBusy={isBusy.value} onClick={() => void retry()}>
          Try again now
        </Button>
      )}
      {problem.value && <ProblemNote problem={problem.value} />}
    </Note>
  );
}

interface FormProps {
  answer: GetAutoRechargeResponse;
  limits: RechargeLimits;
}

function Fields(props: { draft: Signal<Draft>; problems: Signal<Problems> } & FormProps) {
  const { money } = useScope();
  const { draft, problems, limits } = props;
  const change = (field: keyof Problems) => (value: string) => {
    draft.value = { ...draft.value, [field]: value };
    problems.value = { ...problems.value, [field]: undefined };
  };
  const isTarget = props.answer.autoRecharge?.mode === RechargeMode.TARGET;
  return (
    <>
      <Field
        label={isTarget ? "Recharge up to" : "Recharge amount"}
        name="recharge-amount"
        prefix={money.currency}
        inputMode="decimal"
        maxLength={20}
        value={draft.value.amount}
        hint={`Greater than ${money.exact(limits.amountAboveMicros)}.`}
        problem={problems.value.amount}
        onInput={change("amount")}
      />
      <Field
        label="When the balance falls below"
        name="recharge-threshold"
        prefix={money.currency}
        inputMode="decimal"
        maxLength={20}
        value={draft.value.threshold}
        hint={`At least ${money.exact(limits.thresholdMinMicros)}.`}
        problem={problems.value.threshold}
        onInput={change("threshold")}
      />
      <Field
        label="E-mail when it fails"
        name="recharge-email"
        type="email"
        autoComplete="email"
        maxLength={254}
        value={draft.value.email}
        hint="Who is told when the card cannot be charged."
        problem={problems.value.email}
        onInput={change("email")}
      />
    </>
  );
}

function Form({ answer, limits }: FormProps) {
  const scope = useScope();
  const { accountId, money, server } = scope;
  const settings = useMemo(() => draftOf(answer.autoRecharge, money), [answer, money]);
  const draft = useSignal(settings);
  // What the draft is a change of.
  const begun = useRef(settings);
  useEffect(() => {
    draft.value = followed(draft.peek(), begun.current, settings);
    begun.current = settings;
  }, [draft, settings]);
  const problems = useSignal<Problems>({});
  const problem = useSignal<Problem | undefined>(undefined);
  const isBusy = useSignal(false);
  const isUpdated = useSignal(false);
  const submit = async (form: HTMLFormElement) => {
    const before = answer.autoRecharge;
    const monthlySumMaxMicros = chosenSumMax(before);
    const checked = check(draft.value, limits, monthlySumMaxMicros, money, before);
    problems.value = checked.problems;
    problem.value = undefined;
    isUpdated.value = false;
    if (Object.keys(checked.problems).length > 0) {
      // Once the fields say what is wrong.
      setTimeout(() => form.querySelector<HTMLElement>("[aria-invalid]")?.focus());
      return;
    }
    const { amountMicros, thresholdMicros } = checked;
    // What follows from the amount is left to the server; what was chosen elsewhere stays.
    const autoRecharge = {
      enabled: draft.value.enabled,
      amountMicros,
      thresholdMicros,
      failureEmail: draft.value.email.trim(),
      mode: before?.mode ?? RechargeMode.UNSPECIFIED,
      dailyChargesMax: before?.dailyChargesMax ?? 0,
      monthlySumMaxMicros,
    };
    isBusy.value = true;
    const sent = draft.value;
    try {
      await server.recharges.updateAutoRecharge({ accountId, autoRecharge });
      isUpdated.value = true;
      begun.current = sent;
      void scope.charges.follow();
    } catch (thrown) {
      const told = explain(thrown);
      problems.value = problemsOf(told);
      problem.value = Object.keys(problems.value).length > 0 ? undefined : told;
    }
    isBusy.value = false;
  };
  return (
    <form
      noValidate
      onInput={() => (isUpdated.value = false)}
      onSubmit={(event) => {
        event.preventDefault();
        void submit(event.currentTarget);
      }}
    >
      <Switch
        label="Recharge by itself"
        isOn={draft.value.enabled}
        onChange={(enabled) => (draft.value = { ...draft.value, enabled })}
      />
      <Fields draft={draft} problems={problems} answer={answer} limits={limits} />
      {problem.value && <ProblemNote problem={problem.value} />}
      <div class="actions">
        <Button kind="primary" type="submit" isBusy={isBusy.value}>
          Update
        </Button>
        <span class="said" role="status">
          {isUpdated.value && "Updated."}
        </span>
      </div>
    </form>
  );
}

export function AutoRechargePanel() {
  const { autoRecharge } = useScope();
  useEffect(() => void autoRecharge.load(), [autoRecharge]);
  return (
    <Panel title="Auto-recharge" name="auto-recharge">
      <Shown
        of={autoRecharge.state.value}
        skeleton={<Skeleton kind="field" lines={4} />}
        onRetry={() => autoRecharge.load()}
      >
        {(answer) => (
          <>
            <Standing answer={answer} />
            {answer.limits && <Form answer={answer} limits={answer.limits} />}
          </>
        )}
      </Shown>
    </Panel>
  );
}
