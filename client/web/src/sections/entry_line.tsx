// One line of the bill, and what is told when it is opened.

import type { ComponentChildren } from "preact";
import { useScope } from "../data/scope";
import { type Entry, EntryKind } from "../gen/farebox/v1/entry_pb";
import { Item } from "../gen/farebox/v1/usage_pb";
import { Icon } from "../parts/icons";
import { toMillis } from "../times";
import { counterpart, duration, nameOfLine, nameOfRate, plural } from "../words/items";
import { explainPrice } from "../words/price";
import { PriceTable } from "./price_table";

export function describeLine(entry: Entry): string {
  const who = counterpart(entry.usage);
  const words = [nameOfLine(entry), who].filter((word) => word !== "");
  return words.join(" ");
}

function quantity(entry: Entry): string {
  if (entry.segments > 0) return plural(entry.segments, "segment");
  const isCall = entry.item === Item.OUTBOUND_CALL || entry.item === Item.INBOUND_CALL;
  if (!isCall || entry.price === undefined) return "";
  return entry.usedSeconds === 0n ? "Not answered" : duration(entry.usedSeconds);
}

interface LineProps {
  entry: Entry;
  isOpen: boolean;
  onToggle: () => void;
  // The element with the details.
  detailId: string;
  tabIndex?: number;
}

export function EntryLine({ entry, isOpen, onToggle, detailId, tabIndex = 0 }: LineProps) {
  const { money, calendar } = useScope();
  const millis = toMillis(entry.time);
  const more = [quantity(entry), entry.description, notes(entry)].filter((word) => word !== "");
  return (
    <button
      type="button"
      class={`entry${isOpen ? " open" : ""}`}
      aria-expanded={isOpen}
      aria-controls={isOpen ? detailId : undefined}
      tabIndex={tabIndex}
      onClick={onToggle}
    >
      <span class="chevron">
        <Icon name="chevron" />
      </span>
      <span class="when">
        <span>{calendar.date(millis)}</span> <span class="faint">{calendar.time(millis)}</span>
      </span>
      <span class="what">
        <span class="name">
          {nameOfLine(entry)} <span class="who">{counterpart(entry.usage)}</span>
        </span>
        {more.length > 0 && <span class="more faint">{more.join(" · ")}</span>}
      </span>
      <span class={`amount${entry.amountMicros > 0n ? " in" : ""}`}>
        {money.signed(entry.amountMicros)}
      </span>
      <span class="after">
        <span class="unseen">balance after it </span>
        {money.floor(entry.balanceAfterMicros)}
      </span>
    </button>
  );
}

function notes(entry: Entry): string {
  const words = [
    entry.overrun ? "longer than paid for" : "",
    entry.late ? "reported late" : "",
    entry.kind === EntryKind.HOLD_CHARGED ? "charged so far" : "",
  ];
  return words.filter((word) => word !== "").join(", ");
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function EntryDetail({ entry, id }: { entry: Entry; id: string }) {
  const { calendar, money } = useScope();
  const isTimed = entry.billedSeconds > 0n;
  const { usage } = entry;
  const ends = usage?.kind.case === "call" || usage?.kind.case === "text" ? usage.kind.value : null;
  return (
    <section class="detail" id={id} aria-label={`Details of ${describeLine(entry)}`}>
      {entry.price && (
        <div class="price">
          <p>{nameOfRate(entry.price)}</p>
          <PriceTable terms={explainPrice(entry, money)} sum={-entry.amountMicros} />
        </div>
      )}
      <dl class="facts">
        <Fact name="Time">{calendar.dateTime(toMillis(entry.time))}</Fact>
        {ends && <Fact name="From">{ends.from}</Fact>}
        {ends && <Fact name="To">{ends.to}</Fact>}
        {isTimed && <Fact name="Length">{duration(entry.usedSeconds)}</Fact>}
        {isTimed && <Fact name="Billed">{duration(entry.billedSeconds)}</Fact>}
        {entry.refundedEntryId > 0n && (
          <Fact name="Gives back">entry {String(entry.refundedEntryId)}</Fact>
        )}
        <Fact name="Balance after it">{money.exact(entry.balanceAfterMicros)}</Fact>
        <Fact name="Entry">{String(entry.entryId)}</Fact>
        {entry.price && <Fact name="Tariff">{entry.price.tariffId}</Fact>}
        {entry.requestId !== "" && <Fact name="Reference">{entry.requestId}</Fact>}
      </dl>
    </section>
  );
}
