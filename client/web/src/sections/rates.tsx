// What things cost this account: the price of one call, text or number with every step of its sum,
// and the whole list below.

import { useSignal } from "@preact/signals";
import { useEffect, useId, useMemo } from "preact/hooks";
import { Resource } from "../data/resource";
import { type Scope, useScope } from "../data/scope";
import type { QuoteResponse } from "../gen/farebox/v1/billing_pb";
import { Direction, Item, PhoneNumber_Kind } from "../gen/farebox/v1/usage_pb";
import { Choice, Field, Select } from "../parts/controls";
import { Panel, PartTitle } from "../parts/panel";
import { Note, ProblemNote, Skeleton } from "../parts/states";
import { type Country, countries, digitsOf } from "../words/calling_codes";
import { duration, nameOfItem, nameOfRate } from "../words/items";
import { explainQuote } from "../words/price";
import { PriceTable } from "./price_table";
import { RateList } from "./rate_list";

type Kind = "call" | "text" | "number";
type Minutes = "1" | "5" | "15" | "60";

const KINDS: readonly (readonly [Kind, string])[] = [
  ["call", "Call"],
  ["text", "Text"],
  ["number", "Number"],
];
const LENGTHS: readonly (readonly [Minutes, string])[] = [
  ["1", "1 min"],
  ["5", "5 min"],
  ["15", "15 min"],
  ["60", "1 h"],
];
const TYPING_MS = 250;
const DAY_SECONDS = 86_400n;
// Who calls makes no difference to the price, but somebody must.
const ANYBODY = "account";

interface Question {
  kind: Kind;
  digits: string;
  minutes: Minutes;
}

interface Answer {
  question: Question;
  quote: QuoteResponse;
  // Of a number: what each further month costs.
  monthly?: QuoteResponse;
}

async function ask(scope: Scope, question: Question, signal: AbortSignal): Promise<Answer> {
  const { accountId, server } = scope;
  const deckOf = { case: "accountId" as const, value: accountId };
  const to = `+${question.digits}`;
  const ends = { direction: Direction.OUTBOUND, from: ANYBODY, to };
  const options = { signal };
  switch (question.kind) {
    case "call": {
      const usage = { kind: { case: "call" as const, value: ends } };
      const seconds = BigInt(question.minutes) * 60n;
      return { question, quote: await server.billing.quote({ deckOf, usage, seconds }, options) };
    }
    case "text": {
      const length = { case: "segments" as const, value: 1 };
      const usage = { kind: { case: "text" as const, value: { ...ends, length } } };
      return { question, quote: await server.billing.quote({ deckOf, usage }, options) };
    }
    case "number": {
      const quoteOf = (kind: PhoneNumber_Kind) => {
        const usage = { kind: { case: "phoneNumber" as const, value: { number: to, kind } } };
        return server.billing.quote({ deckOf, usage }, options);
      };
      const [quote, monthly] = await Promise.all([
        quoteOf(PhoneNumber_Kind.PURCHASE),
        quoteOf(PhoneNumber_Kind.RENEWAL),
      ]);
      return { question, quote, monthly };
    }
  }
}

function Affordable({ seconds }: { seconds: bigint }) {
  if (seconds === 0n) return <Note kind="warning">Your balance does not pay for it.</Note>;
  const most = seconds >= DAY_SECONDS ? "a whole day" : duration(seconds);
  return <p>Your balance pays for {most} of it at most.</p>;
}

function titleOf({ kind, digits, minutes }: Question): string {
  if (kind === "call") return `A call of ${duration(BigInt(minutes) * 60n)} to +${digits}`;
  return kind === "text" ? `A text of one segment to +${digits}` : `The number +${digits}`;
}

function QuoteResult({ answer }: { answer: Answer }) {
  const { money } = useScope();
  const { question, quote, monthly } = answer;
  const priced = { ...quote, item: Item.OUTBOUND_CALL };
  return (
    <div class="quote" aria-live="polite">
      <p>
        {titleOf(question)} costs <strong>{money.exact(quote.amountMicros)}</strong>
        {monthly && <>, and then {money.exact(monthly.amountMicros)} a month</>}.
      </p>
      {quote.price && <p class="faint">{nameOfRate(quote.price)}</p>}
      {question.kind === "call" && (
        <>
          <PriceTable terms={explainQuote(priced, money)} sum={quote.amountMicros} />
          <Affordable seconds={quote.affordableSeconds} />
        </>
      )}
    </div>
  );
}

function useQuote(question: Question): Resource<Answer | undefined> {
  const scope = useScope();
  const wanted = useSignal(question);
  wanted.value = question;
  const quote = useMemo(
    () =>
      new Resource(async (abort) => {
        const asked = wanted.peek();
        return asked.digits === "" ? undefined : ask(scope, asked, abort);
      }),
    [scope, wanted],
  );
  const { kind, digits, minutes } = question;
  useEffect(() => {
    const timer = setTimeout(() => void quote.load(), TYPING_MS);
    return () => clearTimeout(timer);
  }, [quote, kind, digits, minutes]);
  return quote;
}

function Suggestions({ id, known }: { id: string; known: readonly Country[] }) {
  return (
    <datalist id={id}>
      {known.map(({ code, name }) => (
        <option key={name} value={`${name} +${code}`} />
      ))}
    </datalist>
  );
}

// Which of the rates are listed below.
const ITEMS: readonly Item[] = [
  Item.OUTBOUND_CALL,
  Item.INBOUND_CALL,
  Item.OUTGOING_TEXT,
  Item.INCOMING_TEXT,
  Item.PHONE_NUMBER_PURCHASE,
  Item.PHONE_NUMBER_RENEWAL,
  Item.RING_THROUGH_ATTEMPT,
];
const ITEM_OF: Record<Kind, Item> = {
  call: Item.OUTBOUND_CALL,
  text: Item.OUTGOING_TEXT,
  number: Item.PHONE_NUMBER_RENEWAL,
};

// Of a whole number those rates are listed that begin as the one that was found for it does.
function listedPrefix(digits: string, answer: Answer | undefined): string {
  const found = answer?.question.digits === digits ? answer.quote.price?.prefix : undefined;
  return found !== undefined && digits.startsWith(found) && found !== "" ? found : digits;
}

export function RatesPart() {
  const { locale } = useScope();
  const kind = useSignal<Kind>("call");
  const minutes = useSignal<Minutes>("1");
  const typed = useSignal("");
  const listId = useId();
  const known = useMemo(() => countries(locale), [locale]);
  const digits = digitsOf(typed.value, known);
  const quote = useQuote({ kind: kind.value, digits, minutes: minutes.value });
  const { value: answer, problem } = quote.state.value;
  const item = useSignal<Item>(Item.OUTBOUND_CALL);
  const prefix = listedPrefix(digits, answer);
  return (
    <>
      <PartTitle title="Rates">What calls, texts and numbers cost your account.</PartTitle>
      <Panel title="What does it cost?" name="ask-price">
        <div class="filters">
          <Choice
            label="Price of a"
            value={kind.value}
            options={KINDS}
            onChange={(value) => {
              kind.value = value;
              item.value = ITEM_OF[value];
            }}
          />
          <Field
            label="Destination"
            name="destination"
            type="search"
            list={listId}
            value={typed.value}
            maxLength={60}
            placeholder="+44 or United Kingdom"
            onInput={(value) => (typed.value = value)}
          />
          <Suggestions id={listId} known={known} />
          {kind.value === "call" && (
            <Choice
              label="Length"
              value={minutes.value}
              options={LENGTHS}
              onChange={(value) => (minutes.value = value)}
            />
          )}
        </div>
        {problem && digits !== "" && <ProblemNote problem={problem} />}
        {!problem && answer && digits !== "" && <QuoteResult answer={answer} />}
        {typed.value.trim().length > 1 && digits === "" && (
          <p class="hint">No country begins like that. A number works too, for example +44.</p>
        )}
        {digits === "" && typed.value === "" && (
          <p class="hint">Type a number, a prefix or a country.</p>
        )}
        {digits !== "" && !answer && !problem && <Skeleton lines={2} />}
      </Panel>
      <Panel
        title={prefix === "" ? "All rates" : `Rates for +${prefix}`}
        name="rates"
        actions={
          <Select
            label="Rates of"
            isLabelHidden
            value={String(item.value)}
            options={ITEMS.map((one) => [String(one), nameOfItem(one)] as const)}
            onChange={(value) => (item.value = Number(value) as Item)}
          />
        }
      >
        <RateList prefix={prefix} item={item.value} key={`${prefix} ${item.value}`} />
      </Panel>
    </>
  );
}
