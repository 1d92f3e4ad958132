// What was charged and what came in: filtered, endless, each line opening into how it came about.

import { type Signal, signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import {
  EVERYTHING,
  type Filter,
  matches,
  problemOf,
  requestOf,
  type Show,
} from "../data/activity_filter";
import { ActivityPages } from "../data/activity_pages";
import { newestOf } from "../data/newest";
import { explain, type Problem } from "../data/problems";
import { Resource } from "../data/resource";
import { follow, pathOf } from "../data/route";
import { type Scope, useScope } from "../data/scope";
import type { Entry } from "../gen/farebox/v1/entry_pb";
import type { Item } from "../gen/farebox/v1/usage_pb";
import { Button, Choice, Field, Select } from "../parts/controls";
import { Panel, PartTitle } from "../parts/panel";
import { Empty, Note, ProblemNote, Shown, Skeleton } from "../parts/states";
import { ALL_ITEMS, nameOfItem } from "../words/items";
import { EntryList, ShortList } from "./entry_list";
import { ExportButton } from "./export";

const PAGE_SIZE = 100;
const LATEST = 6;
const SHOWS: readonly (readonly [Show, string])[] = [
  ["all", "All"],
  ["debits", "Debits"],
  ["credits", "Credits"],
];

// Kept while other parts of the page are looked at.
const filter: Signal<Filter> = signal(EVERYTHING);

function Filters({ problem }: { problem: string }) {
  const { calendar } = useScope();
  const change = (changed: Partial<Filter>) => {
    filter.value = { ...filter.value, ...changed };
  };
  const { fromDay, toDay, show, item } = filter.value;
  const today = calendar.dayOf(Date.now());
  const isFiltered = filter.value !== EVERYTHING;
  return (
    <div class="filters">
      <Choice
        label="Show"
        value={show}
        options={SHOWS}
        onChange={(value) => change({ show: value })}
      />
      <Field
        label="From"
        name="from"
        type="date"
        max={today}
        value={fromDay}
        onInput={(value) => change({ fromDay: value })}
      />
      <Field
        label="To"
        name="to"
        type="date"
        max={today}
        value={toDay}
        problem={problem}
        onInput={(value) => change({ toDay: value })}
      />
      <Select
        label="Item"
        value={item === undefined ? "" : String(item)}
        options={[
          ["", "All items"],
          ...ALL_ITEMS.map((one) => [String(one), nameOfItem(one)] as const),
        ]}
        onChange={(value) => change({ item: value === "" ? undefined : (Number(value) as Item) })}
      />
      <Button kind="quiet" isDisabled={!isFiltered} onClick={() => (filter.value = EVERYTHING)}>
        Clear
      </Button>
    </div>
  );
}

// The pages of one filter, and how fetching them goes.
class Listing {
  readonly pages: ActivityPages;
  readonly version = signal(0);
  readonly problem = signal<Problem | undefined>(undefined);
  readonly isLoading = signal(true);
  readonly waitingCount = signal(0);
  readonly #waiting: Entry[] = [];

  constructor(scope: Scope, wanted: Filter) {
    const request = requestOf(wanted, scope.calendar);
    this.pages = new ActivityPages(async (pageToken) => {
      const { accountId, server } = scope;
      const answer = await server.account.listActivity({
        accountId,
        pageSize: PAGE_SIZE,
        pageToken,
        ...request,
      });
      return { entries: answer.entries, nextToken: answer.nextPageToken };
    });
  }

  async more(): Promise<void> {
    if (this.problem.peek() !== undefined || !this.pages.hasMore) return;
    this.isLoading.value = true;
    await this.#try(async () => {
      await this.pages.more();
      return true;
    });
    this.isLoading.value = false;
  }

  async retry(): Promise<void> {
    this.problem.value = undefined;
    await this.more();
  }

  async look(first: number, last: number): Promise<void> {
    await this.#try(() => this.pages.look(first, last));
  }

  // At the top a new line is simply there; further down it waits, so that nothing moves under the
  // reader.
  hear(entry: Entry, isAtTop: boolean): void {
    if (!this.pages.isNew(entry)) return;
    this.#waiting.push(entry);
    this.waitingCount.value = this.#waiting.length;
    // Behind those that waited: an older line cannot be put in later.
    if (isAtTop) this.showWaiting();
  }

  showWaiting(): void {
    for (const entry of this.#waiting.splice(0)) this.pages.prepend(entry);
    this.waitingCount.value = 0;
    this.version.value += 1;
  }

  // `fetch` tells whether there is anything new to draw.
  async #try(fetch: () => Promise<boolean>): Promise<void> {
    let isNew = true;
    try {
      isNew = await fetch();
    } catch (thrown) {
      this.problem.value = explain(thrown);
    }
    if (isNew) this.version.value += 1;
  }
}

export function ActivityPart() {
  const scope = useScope();
  const { account, calendar } = scope;
  const problem = problemOf(filter.value);
  const isKnown = account.value !== undefined;
  const last = useRef<Filter>(filter.value);
  if (problem === "") last.current = filter.value;
  const wanted = last.current;
  return (
    <>
      <PartTitle title="Activity">
        Everything that was charged or came in. Days are those of {calendar.zone}.
      </PartTitle>
      <Panel title="Entries" name="activity" actions={<ExportButton filter={wanted} />}>
        <Filters problem={problem} />
        {account.state.value.problem && (
          <ProblemNote problem={account.state.value.problem} onRetry={() => account.load()} />
        )}
        {isKnown ? (
          <FilteredList wanted={wanted} key={keyOf(wanted)} />
        ) : (
          <Skeleton lines={8} kind="row" />
        )}
      </Panel>
    </>
  );
}

function keyOf({ fromDay, toDay, show, item }: Filter): string {
  return [fromDay, toDay, show, item].join(" ");
}

function FilteredList({ wanted }: { wanted: Filter }) {
  const scope = useScope();
  const { calendar, live } = scope;
  const losses = live.losses.value;
  const listing = useMemo(() => new Listing(scope, wanted), [scope, wanted, losses]);
  useEffect(() => {
    void listing.more();
    return live.onEntry((entry) => {
      if (matches(wanted, entry, calendar)) listing.hear(entry, window.scrollY < 200);
    });
  }, [listing, live, wanted, calendar]);
  const { pages } = listing;
  const version = listing.version.value;
  const problem = listing.problem.value;
  const isLoading = listing.isLoading.value;
  return (
    <>
      {listing.waitingCount.value > 0 && <NewLines listing={listing} />}
      {version > 0 && (
        <EntryList
          pages={pages}
          version={version}
          onNearEnd={() => void listing.more()}
          onLook={({ first, last }) => void listing.look(first, last)}
        />
      )}
      {problem && <ProblemNote problem={problem} onRetry={() => void listing.retry()} />}
      {isLoading && <Skeleton lines={version > 0 ? 2 : 8} kind="row" />}
      {!isLoading && !problem && pages.count === 0 && (
        <Empty
          icon="activity"
          title={wanted === EVERYTHING ? "No activity yet" : "Nothing matches"}
        >
          <p>
            {wanted === EVERYTHING
              ? "Calls, texts, numbers and payments will be listed here."
              : "Try other dates, or show all items."}
          </p>
        </Empty>
      )}
      <ListEnd listing={listing} />
    </>
  );
}

function NewLines({ listing }: { listing: Listing }) {
  const count = listing.waitingCount.value;
  return (
    <div class="new-lines">
      <Button
        kind="primary"
        onClick={() => {
          window.scrollTo(0, 0);
          listing.showWaiting();
        }}
      >
        {count === 1 ? "1 new entry" : `${count} new entries`}
      </Button>
    </div>
  );
}

function ListEnd({ listing }: { listing: Listing }) {
  const { calendar } = useScope();
  const { pages } = listing;
  if (pages.isCut) {
    const oldest = pages.at(pages.count - 1);
    const toDay = oldest && calendar.dayOf(Number(oldest.time?.seconds ?? 0n) * 1000);
    return (
      <Note kind="plain">
        <p>This list ends here, but there is more.</p>
        {toDay && (
          <Button
            onClick={() => {
              filter.value = { ...filter.value, toDay };
              window.scrollTo(0, 0);
            }}
          >
            Go on from {toDay}
          </Button>
        )}
      </Note>
    );
  }
  if (pages.count === 0 || pages.hasMore || listing.problem.value) return null;
  return <p class="end faint">That is all.</p>;
}

// The newest lines, on the overview.
export function LatestPanel() {
  const scope = useScope();
  const { accountId, live, server } = scope;
  const losses = live.losses.value;
  const told = useMemo(() => ({ entries: [] as readonly Entry[] }), [accountId, server, losses]);
  const latest = useMemo(
    () =>
      new Resource(async (abort) => {
        const request = { accountId, pageSize: LATEST };
        const { entries } = await server.account.listActivity(request, { signal: abort });
        return newestOf(entries, told.entries, LATEST);
      }),
    [accountId, server, told],
  );
  useEffect(() => {
    void latest.load();
    return live.onEntry((entry) => {
      if (!matches(EVERYTHING, entry, scope.calendar)) return;
      // Also before there is a list: it may have been made before this entry was.
      told.entries = newestOf([entry], told.entries, LATEST);
      const known = latest.peek();
      if (known !== undefined) latest.set(newestOf(known, told.entries, LATEST));
    });
  }, [latest, live, scope, told]);
  return (
    <Panel
      title="Latest activity"
      name="latest"
      actions={
        <a href={pathOf("activity")} onClick={follow}>
          All activity
        </a>
      }
    >
      <Shown
        of={latest.state.value}
        skeleton={<Skeleton lines={LATEST} kind="row" />}
        onRetry={() => latest.load()}
      >
        {(entries) =>
          entries.length === 0 ? (
            <Empty icon="activity" title="No activity yet" />
          ) : (
            <ShortList entries={entries} />
          )
        }
      </Shown>
    </Panel>
  );
}
