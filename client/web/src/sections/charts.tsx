// The balance over time, and what was spent on what, in the days of the account's own time zone.

import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Resource } from "../data/resource";
import { useScope } from "../data/scope";
import { type GetSummaryResponse, SummaryStep } from "../gen/farebox/v1/account_pb";
import { Item } from "../gen/farebox/v1/usage_pb";
import { Choice } from "../parts/controls";
import { Panel } from "../parts/panel";
import { Empty, Shown, Skeleton } from "../parts/states";
import { addDays } from "../times";
import { nameOfItem, SPENT_ITEMS } from "../words/items";
import type { Chart } from "./chart_drawing";

type Range = "7" | "30" | "90" | "365";

const RANGES: readonly (readonly [Range, string])[] = [
  ["7", "7 days"],
  ["30", "30 days"],
  ["90", "90 days"],
  ["365", "1 year"],
];
// What has come meanwhile is drawn so often at most.
const REDRAW_MS = 4_000;
const ATTEMPTS_MAX = 3;

function Drawing({ chart, label }: { chart: Chart; label: string }) {
  const target = useRef<HTMLDivElement>(null);
  const isLive = useScope().live.isLive.value;
  const attempts = useSignal(0);
  useEffect(() => {
    let end: (() => void) | undefined;
    let isGone = false;
    import("./chart_drawing").then(
      ({ draw }) => {
        if (!isGone && target.current) end = draw(target.current, chart);
      },
      // The server cannot be reached: again when it can be.
      () => {
        if (!isGone && isLive && attempts.peek() < ATTEMPTS_MAX) attempts.value += 1;
      },
    );
    return () => {
      isGone = true;
      end?.();
    };
  }, [chart, isLive, attempts.value]);
  return <div class="chart" role="img" aria-label={label} ref={target} />;
}

function BalanceChart({ summary }: { summary: GetSummaryResponse }) {
  const { money, calendar } = useScope();
  const { periods } = summary;
  const chart = useMemo<Chart>(
    () => ({
      kind: "line",
      labels: periods.map(({ date }) => calendar.shortDay(date)),
      series: [
        {
          name: "Balance",
          color: "--accent",
          micros: periods.map(({ closingBalanceMicros }) => closingBalanceMicros),
        },
      ],
      format: (micros) => money.short(micros),
      describe: (index) => {
        const period = periods[index];
        if (period === undefined) return [];
        return [calendar.shortDay(period.date), money.floor(period.closingBalanceMicros)];
      },
    }),
    [periods, money, calendar],
  );
  const first = summary.range?.openingBalanceMicros ?? 0n;
  const last = summary.range?.closingBalanceMicros ?? 0n;
  const label = `Balance over time: from ${money.floor(first)} to ${money.floor(last)}.`;
  return <Drawing chart={chart} label={label} />;
}

// The items that money was spent on, the most first.
function spentItems(summary: GetSummaryResponse): { item: Item; micros: bigint; count: bigint }[] {
  const totals = summary.range?.items ?? [];
  return totals
    .map(({ item, total }) => ({
      item,
      micros: total?.debitMicros ?? 0n,
      count: total?.debitCount ?? 0n,
    }))
    .filter(({ item, micros }) => micros > 0n && item !== Item.UNSPECIFIED)
    .sort((a, b) => (b.micros > a.micros ? 1 : b.micros < a.micros ? -1 : a.item - b.item));
}

function SpendChart({ summary }: { summary: GetSummaryResponse }) {
  const { money, calendar } = useScope();
  const { periods } = summary;
  const chart = useMemo<Chart>(() => {
    const spent = SPENT_ITEMS.map((item) => ({
      name: nameOfItem(item),
      color: `--item-${item}`,
      micros: periods.map(
        ({ items }) => items.find((one) => one.item === item)?.total?.debitMicros ?? 0n,
      ),
    })).filter(({ micros }) => micros.some((value) => value > 0n));
    return {
      kind: "bars",
      labels: periods.map(({ date }) => calendar.shortDay(date)),
      series: spent,
      format: (micros) => money.short(micros),
      describe: (index) => {
        const period = periods[index];
        if (period === undefined) return [];
        const lines = spent
          .filter(({ micros }) => (micros[index] ?? 0n) > 0n)
          .map(({ name, micros }) => `${name}: ${money.exact(micros[index] ?? 0n)}`);
        return [calendar.shortDay(period.date), ...lines];
      },
    };
  }, [periods, money, calendar]);
  const items = spentItems(summary);
  if (items.length === 0) return <Empty icon="rates" title="Nothing was spent in these days" />;
  const sum = items.reduce((total, { micros }) => total + micros, 0n);
  return (
    <>
      <Drawing chart={chart} label={`Spend by day: ${money.floor(sum)} in all.`} />
      <table class="legend">
        <caption class="unseen">Spend by item</caption>
        <thead class="unseen">
          <tr>
            <th scope="col">Item</th>
            <th scope="col">How many</th>
            <th scope="col">Spent</th>
          </tr>
        </thead>
        <tbody>
          {items.map(({ item, micros, count }) => (
            <tr key={item}>
              <th scope="row">
                <span class={`swatch item-${item}`} aria-hidden="true" />
                {nameOfItem(item)}
              </th>
              <td class="faint">{count.toLocaleString()}</td>
              <td class="amount" title={money.exact(micros)}>
                {money.floor(micros)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

export function ChartPanels() {
  const scope = useScope();
  const range = useSignal<Range>("30");
  const summary = useMemo(
    () =>
      new Resource((signal) => {
        const toDate = scope.calendar.dayOf(Date.now());
        const fromDate = addDays(toDate, 1 - Number(range.peek()));
        const request = {
          accountId: scope.accountId,
          fromDate,
          toDate,
          step: SummaryStep.DAY,
        };
        return scope.server.account.getSummary(request, { signal });
      }),
    [scope, range],
  );
  useReload(summary, range);
  const shown = (draw: (value: GetSummaryResponse) => ComponentChildren) => (
    <Shown
      of={summary.state.value}
      skeleton={<Skeleton kind="chart" lines={1} />}
      onRetry={() => summary.load()}
    >
      {draw}
    </Shown>
  );
  return (
    <>
      <Panel
        title="Balance over time"
        name="balance-chart"
        actions={
          <Choice
            label="Range of the charts"
            isLabelHidden
            value={range.value}
            options={RANGES}
            onChange={(value) => (range.value = value)}
          />
        }
      >
        {shown((value) => (
          <BalanceChart summary={value} />
        ))}
      </Panel>
      <Panel title="Spend by item" name="spend-chart">
        {shown((value) => (
          <SpendChart summary={value} />
        ))}
      </Panel>
    </>
  );
}

// Where the range changes, once the zone is known, some time after an entry, and after a loss.
function useReload(summary: Resource<GetSummaryResponse>, range: Signal<Range>): void {
  const { account, live } = useScope();
  const isKnown = account.value !== undefined;
  const losses = live.losses.value;
  useEffect(() => {
    if (isKnown) void summary.load();
  }, [summary, isKnown, range.value, losses]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = live.onEntry((entry) => {
      if (entry.amountMicros === 0n) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        void summary.load();
      }, REDRAW_MS);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [summary, live]);
}
