import { useScope } from "../data/scope";
import { PartTitle } from "../parts/panel";
import { LatestPanel } from "./activity";
import { AutoRechargePanel } from "./auto_recharge";
import { BalancePanel } from "./balance";
import { CardsPanel } from "./cards";
import { ChartPanels } from "./charts";
import { RechargesPanel } from "./recharges";

export function OverviewPart() {
  const hasPayments = useScope().hasPayments.value;
  return (
    <>
      <PartTitle title="Overview" />
      <div class={hasPayments ? "columns" : ""}>
        <div class="wide-column">
          <BalancePanel />
          <ChartPanels />
          <LatestPanel />
        </div>
        {hasPayments && (
          <div class="side-column">
            <AutoRechargePanel />
            <CardsPanel />
            <RechargesPanel />
          </div>
        )}
      </div>
    </>
  );
}
