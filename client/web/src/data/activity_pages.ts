// The activity as a list of any length of which only a part is in memory: pages in order, newest
// first. What is far from what is looked at is let go and fetched again by the token that it came
// by; since entries never change and tokens name a place in the journal, it is the same page.

import type { Entry } from "../gen/farebox/v1/entry_pb";

export interface FetchedPage {
  entries: Entry[];
  nextToken: string;
}
export type FetchPage = (token: string) => Promise<FetchedPage>;

interface Page {
  token: string;
  // How many entries it has; they are in memory or not.
  count: number;
  entries: Entry[] | undefined;
}

// As many pages on each side of the one that is looked at stay in memory.
const PAGES_KEPT = 8;
// Browsers cannot lay out a list of any height: this many rows, and then another To date is asked
// for.
export const ROWS_MAX = 200_000;
// A filter may leave pages empty: how many are asked for in a row before the reader is told.
const EMPTY_PAGES_MAX = 200;

export class ActivityPages {
  readonly #fetch: FetchPage;
  // What has come since, oldest first: a list that is behind may have very many to take in.
  #newest: Entry[] = [];
  readonly #pages: Page[] = [];
  #nextToken: string | undefined = "";
  #running: Promise<void> | undefined;
  readonly #refetching = new Set<Page>();

  constructor(fetch: FetchPage) {
    this.#fetch = fetch;
  }

  // Rows that are known of.
  get count(): number {
    return this.#newest.length + this.#pages.reduce((sum, page) => sum + page.count, 0);
  }
  get hasMore(): boolean {
    return this.#nextToken !== undefined && this.count < ROWS_MAX;
  }
  // There is more, but not in this list.
  get isCut(): boolean {
    return this.#nextToken !== undefined && this.count >= ROWS_MAX;
  }
  get inMemory(): number {
    const kept = this.#pages.reduce((sum, page) => sum + (page.entries?.length ?? 0), 0);
    return kept + this.#newest.length;
  }

  // The row, or nothing where it is not in memory.
  at(index: number): Entry | undefined {
    if (index < this.#newest.length) return this.#newest[this.#newest.length - 1 - index];
    let rest = index - this.#newest.length;
    for (const page of this.#pages) {
      if (rest < page.count) return page.entries?.[rest];
      rest -= page.count;
    }
    return undefined;
  }

  // Entries may be told late, when the pages have them already.
  isNew(entry: Entry): boolean {
    const newest = this.at(0);
    return newest === undefined || entry.entryId > newest.entryId;
  }

  // An entry that has come meanwhile goes to the top.
  prepend(entry: Entry): void {
    if (this.isNew(entry)) this.#newest.push(entry);
  }

  // Fetches the next page that has anything in it.
  async more(): Promise<void> {
    this.#running ??= this.#fetchMore().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  async #fetchMore(): Promise<void> {
    for (let tries = 0; this.hasMore && tries < EMPTY_PAGES_MAX; tries += 1) {
      const token = this.#nextToken ?? "";
      const { entries, nextToken } = await this.#fetch(token);
      this.#nextToken = nextToken === "" ? undefined : nextToken;
      const [first] = entries;
      if (first !== undefined) {
        // What was told before the first page came is in it, but for what is newer.
        if (this.#pages.length === 0) {
          this.#newest = this.#newest.filter(({ entryId }) => entryId > first.entryId);
        }
        this.#pages.push({ token, count: entries.length, entries });
        return;
      }
    }
  }

  // Rows `first` to `last` are looked at: what they need is fetched, what is far is let go. Whether
  // anything has changed.
  async look(first: number, last: number): Promise<boolean> {
    const wanted: Page[] = [];
    let start = this.#newest.length;
    const near = new Set<number>();
    for (const [index, page] of this.#pages.entries()) {
      if (start <= last && start + page.count > first) {
        for (let at = index - PAGES_KEPT; at <= index + PAGES_KEPT; at += 1) near.add(at);
        if (page.entries === undefined && !this.#refetching.has(page)) wanted.push(page);
      }
      start += page.count;
    }
    for (const [index, page] of this.#pages.entries()) {
      // The first page has grown since it was fetched: its token would give other rows.
      if (index > 0 && !near.has(index)) page.entries = undefined;
    }
    await Promise.all(wanted.map((page) => this.#refetch(page)));
    return wanted.length > 0;
  }

  async #refetch(page: Page): Promise<void> {
    this.#refetching.add(page);
    try {
      const { entries } = await this.#fetch(page.token);
      page.entries = entries.slice(0, page.count);
    } finally {
      this.#refetching.delete(page);
    }
  }
}
