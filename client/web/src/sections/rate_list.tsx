// The tariffs of the account's deck, by destination.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { explain, type Problem } from "../data/problems";
import { useScope } from "../data/scope";
import type { Rate } from "../gen/farebox/v1/rate_pb";
import { Item } from "../gen/farebox/v1/usage_pb";
import type { MoneyFormat } from "../money";
import { Button } from "../parts/controls";
import { Empty, ProblemNote, Skeleton } from "../parts/states";

const PAGE_SIZE = 500;
const SHOWN_PAGE = 50;
const TYPING_MS = 250;

function isCall({ item }: Rate): boolean {
  return item === Item.OUTBOUND_CALL || item === Item.INBOUND_CALL;
}

// "$0.09 a minute", or what each unit costs.
function priceOf(rate: Rate, money: MoneyFormat): string {
  const { price } = rate;
  if (price === undefined) return "";
  if (isCall(rate)) return `${money.rate(price.rateNanosPerMinute)} a minute`;
  const isNumber =
    rate.item === Item.PHONE_NUMBER_PURCHASE || rate.item === Item.PHONE_NUMBER_RENEWAL;
  return `${money.exact(price.unitFeeMicros)} ${isNumber ? "a month" : "each"}`;
}

function detailsOf(rate: Rate, money: MoneyFormat): string {
  const { price } = rate;
  if (price === undefined || !isCall(rate)) return "";
  const { initialIncrementSeconds: first, incrementSeconds: each } = price;
  const isSteady = first === each;
  const unit = each === 1 ? "by the second" : `in blocks of ${each} s`;
  const details = [isSteady ? `billed ${unit}` : `billed ${first} s, then ${unit}`];
  if (price.connectFeeMicros > 0n) {
    details.unshift(`${money.exact(price.connectFeeMicros)} to connect`);
  }
  if (price.attemptFeeMicros > 0n) {
    details.push(`${money.exact(price.attemptFeeMicros)} if not answered`);
  }
  if (price.rateAfterSeconds > 0) {
    const after = money.rate(price.rateAfterNanosPerMinute);
    details.push(`${after} a minute after ${price.rateAfterSeconds} s`);
  }
  return details.join(", ");
}

interface ListProps {
  prefix: string;
  item: Item;
}

export function RateList({ prefix, item }: ListProps) {
  const { accountId, money, server } = useScope();
  const rates = useSignal<readonly Rate[]>([]);
  const nextToken = useSignal<string | undefined>("");
  const problem = useSignal<Problem | undefined>(undefined);
  const isLoading = useSignal(true);
  const shown = useSignal(SHOWN_PAGE);
  const isGone = useRef(false);
  const more = async (wanted: number) => {
    isLoading.value = true;
    problem.value = undefined;
    try {
      while (nextToken.value !== undefined && rates.value.length < wanted && !isGone.current) {
        const deckOf = { case: "accountId" as const, value: accountId };
        const request = { deckOf, prefix, pageSize: PAGE_SIZE, item, pageToken: nextToken.value };
        const answer = await server.rates.listRates(request);
        rates.value = [...rates.value, ...answer.rates];
        nextToken.value = answer.nextPageToken === "" ? undefined : answer.nextPageToken;
      }
    } catch (thrown) {
      problem.value = explain(thrown);
    }
    isLoading.value = false;
  };
  useEffect(() => {
    isGone.current = false;
    const timer = setTimeout(() => void more(SHOWN_PAGE), TYPING_MS);
    return () => {
      isGone.current = true;
      clearTimeout(timer);
    };
  }, []);
  const showMore = () => {
    shown.value += SHOWN_PAGE;
    void more(shown.value);
  };
  const visible = rates.value.slice(0, shown.value);
  const hasMore = nextToken.value !== undefined || rates.value.length > visible.length;
  return (
    <>
      {visible.length > 0 && (
        <table class="wide">
          <caption class="unseen">Rates by destination</caption>
          <thead>
            <tr>
              <th scope="col">Destination</th>
              <th scope="col" class="amount">
                Price
              </th>
            </tr>
          </thead>
          <tbody>
            {visible.map((rate) => (
              <tr key={`${rate.item} ${rate.price?.tariffId}`}>
                <th scope="row">
                  {rate.price?.description || "Everywhere else"}
                  <span class="faint">{rate.price?.prefix && ` +${rate.price.prefix}`}</span>
                </th>
                <td class="amount">
                  {priceOf(rate, money)}
                  <span class="faint below">{detailsOf(rate, money)}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {problem.value && (
        <ProblemNote problem={problem.value} onRetry={() => void more(shown.value)} />
      )}
      {isLoading.value && visible.length === 0 && <Skeleton lines={6} kind="row" />}
      {!isLoading.value && !problem.value && visible.length === 0 && (
        <Empty icon="rates" title="There is no rate for this" />
      )}
      {hasMore && visible.length > 0 && (
        <div class="actions middle">
          <Button isBusy={isLoading.value} onClick={showMore}>
            Show more
          </Button>
        </div>
      )}
    </>
  );
}
