// What the account has, as it changes, and what it means where that is little or nothing.

import { useComputed, useSignal } from "@preact/signals";
import type { Balance, Connection } from "../data/live";
import { useScope } from "../data/scope";
import { AccountState } from "../gen/farebox/v1/billing_pb";
import { Button } from "../parts/controls";
import { Note } from "../parts/states";
import { plural } from "../words/items";
import { PayDialog } from "./pay";

const CONNECTION_WORDS: Record<Connection, string> = {
  connecting: "Connecting",
  live: "Live",
  waiting: "Reconnecting",
  offline: "Offline",
};

export function ConnectionState() {
  const { live } = useScope();
  const state = live.connection.value;
  return (
    <p class={`connection ${state}`} role="status">
      <span class="dot" aria-hidden="true" />
      {CONNECTION_WORDS[state]}
    </p>
  );
}

const STOPPED = "Calls in and out, texts in and out, and number purchases do not work.";

function Warning({ balance, threshold }: { balance: Balance; threshold: bigint }) {
  const { money } = useScope();
  if (balance.state === AccountState.SUSPENDED) {
    return (
      <Note kind="bad">
        <strong>Your account is suspended.</strong> {STOPPED} Please contact support.
      </Note>
    );
  }
  if (balance.state === AccountState.CLOSED) {
    return (
      <Note kind="bad">
        <strong>Your account is closed.</strong> {STOPPED}
      </Note>
    );
  }
  if (balance.available <= 0n) {
    return (
      <Note kind="bad">
        <strong>You have no money left.</strong> {STOPPED} Add funds to go on.
      </Note>
    );
  }
  if (threshold > 0n && balance.available < threshold) {
    return (
      <Note kind="warning">
        <strong>Your balance is low.</strong> Below {money.exact(threshold)}, calls may be cut
        short. At zero, calls in and out, texts in and out, and number purchases stop working.
      </Note>
    );
  }
  return null;
}

function Figure({ name, label, micros }: { name: string; label: string; micros: bigint }) {
  const { money } = useScope();
  return (
    <div class={name}>
      <dt>{label}</dt>
      <dd title={money.exact(micros)}>{money.floor(micros)}</dd>
    </div>
  );
}

export function BalancePanel() {
  const scope = useScope();
  const isPaying = useSignal(false);
  const threshold = useComputed(() => scope.account.value?.lowBalanceThresholdMicros ?? 0n);
  const balance = scope.live.balance.value;
  const isLow = balance !== undefined && balance.available <= (threshold.value || 0n);
  return (
    <section class={`panel balance${isLow ? " low" : ""}`} aria-labelledby="balance-title">
      <header>
        <h2 id="balance-title">Current balance</h2>
        <ConnectionState />
      </header>
      <div class="figures">
        {balance === undefined ? (
          <div class="skeleton" role="status">
            <span class="unseen">Loading the balance</span>
            <span class="bone figure" aria-hidden="true" />
            <span class="bone" aria-hidden="true" />
          </div>
        ) : (
          <dl>
            <Figure name="main" label="Balance" micros={balance.balance} />
            <Figure name="held" label={heldLabel(balance)} micros={balance.held} />
            <Figure name="available" label={availableLabel(balance)} micros={balance.available} />
          </dl>
        )}
        {scope.hasPayments.value && (
          <Button kind="primary" icon="plus" onClick={() => (isPaying.value = true)}>
            Pay now
          </Button>
        )}
      </div>
      {balance && <Warning balance={balance} threshold={threshold.value} />}
      {isPaying.value && <PayDialog onClose={() => (isPaying.value = false)} />}
    </section>
  );
}

function heldLabel({ openHolds }: Balance): string {
  return openHolds > 0 ? `Held for ${plural(openHolds, "call")}` : "Held";
}

function availableLabel({ creditLimit }: Balance): string {
  return creditLimit > 0n ? "Available, with your credit" : "Available";
}
