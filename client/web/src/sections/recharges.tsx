// The last charges of the card, by hand and by itself, and why they failed where they did.

import { useEffect } from "preact/hooks";
import { safeLink } from "../data/safe_link";
import { useScope } from "../data/scope";
import { type Recharge, RechargeKind, RechargeState } from "../gen/farebox/v1/recharge_pb";
import { Panel } from "../parts/panel";
import { Empty, Shown, Skeleton } from "../parts/states";
import { toMillis } from "../times";
import { CardName } from "./card_name";

type Tone = "good" | "bad" | "waiting";

function standing(state: RechargeState): [Tone, string] {
  switch (state) {
    case RechargeState.CREDITED:
      return ["good", "Paid"];
    case RechargeState.DECLINED:
      return ["bad", "Declined"];
    case RechargeState.ABANDONED:
      return ["bad", "Given up"];
    case RechargeState.ACTION_REQUIRED:
      return ["waiting", "Needs you"];
    default:
      return ["waiting", "In progress"];
  }
}

function Attempt({ recharge }: { recharge: Recharge }) {
  const { money, calendar } = useScope();
  const [tone, words] = standing(recharge.state);
  const link = safeLink(recharge.actionUrl);
  const next = toMillis(recharge.nextAttemptTime);
  const needsCustomer = recharge.state === RechargeState.ACTION_REQUIRED && link !== undefined;
  return (
    <li class="attempt">
      <div>
        <strong>{money.exact(recharge.amountMicros)}</strong>
        <span class={`badge ${tone}`}>{words}</span>
      </div>
      <p class="faint">
        {recharge.kind === RechargeKind.AUTOMATIC ? "Auto-recharge" : "Pay now"},{" "}
        {calendar.dateTime(toMillis(recharge.createTime))}
        {recharge.card && (
          <>
            , <CardName card={recharge.card} />
          </>
        )}
      </p>
      {tone !== "good" && recharge.message !== "" && <p class="why">{recharge.message}</p>}
      {tone === "waiting" && next > 0 && !needsCustomer && (
        <p class="why">Asked again {calendar.dateTime(next)}.</p>
      )}
      {needsCustomer && (
        <a href={link} target="_blank" rel="noopener noreferrer">
          Confirm with your bank
        </a>
      )}
    </li>
  );
}

export function RechargesPanel() {
  const { recharges } = useScope();
  useEffect(() => void recharges.load(), [recharges]);
  return (
    <Panel title="Last charges" name="recharges">
      <Shown
        of={recharges.state.value}
        skeleton={<Skeleton lines={3} />}
        onRetry={() => recharges.load()}
      >
        {(known) =>
          known.length === 0 ? (
            <Empty icon="refresh" title="Your card was not charged yet" />
          ) : (
            <ul class="lines">
              {known.map((recharge) => (
                <Attempt key={recharge.rechargeId} recharge={recharge} />
              ))}
            </ul>
          )
        }
      </Shown>
    </Panel>
  );
}
