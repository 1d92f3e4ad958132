import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { type Entry, EntrySchema } from "../gen/farebox/v1/entry_pb";
import { ActivityPages } from "./activity_pages";

const SIZE = 10;

// A journal of entries `count` to 1, newest first, whose tokens are the entry that a page follows.
class Journal {
  count: number;
  fetches = 0;
  fails = false;

  constructor(count: number) {
    this.count = count;
  }

  readonly fetch = async (token: string) => {
    this.fetches += 1;
    if (this.fails) throw new Error("no answer");
    const after = token === "" ? this.count + 1 : Number(token);
    const entries: Entry[] = [];
    for (let id = after - 1; id > 0 && entries.length < SIZE; id -= 1) entries.push(entry(id));
    const last = after - 1 - entries.length;
    return { entries, nextToken: last > 0 ? String(last + 1) : "" };
  };
}

function entry(id: number): Entry {
  return create(EntrySchema, { entryId: BigInt(id) });
}

function ids(pages: ActivityPages): (number | undefined)[] {
  return Array.from({ length: pages.count }, (_, index) => {
    const at = pages.at(index);
    return at === undefined ? undefined : Number(at.entryId);
  });
}

async function readAll(pages: ActivityPages): Promise<void> {
  while (pages.hasMore) await pages.more();
}

describe("the pages of the activity", () => {
  test("are the entries in order, each once", async () => {
    const pages = new ActivityPages(new Journal(35).fetch);

    await readAll(pages);

    expect(ids(pages)).toEqual(Array.from({ length: 35 }, (_, index) => 35 - index));
    expect(pages.at(35)).toBeUndefined();
  });

  test("are let go far from where one looks, and fetched again when one looks there", async () => {
    const journal = new Journal(1000);
    const pages = new ActivityPages(journal.fetch);
    await readAll(pages);

    await pages.look(990, 999);
    expect(pages.inMemory).toBeLessThanOrEqual(10 * SIZE);
    expect(pages.count).toBe(1000);
    expect(pages.at(500)).toBeUndefined();

    const before = journal.fetches;
    expect(await pages.look(495, 515)).toBe(true);
    expect(journal.fetches - before).toBe(3);
    expect(pages.at(500)?.entryId).toBe(500n);
    expect(await pages.look(495, 515)).toBe(false);
  });

  test("take entries that come meanwhile, at the top and once", async () => {
    const journal = new Journal(20);
    const pages = new ActivityPages(journal.fetch);
    await pages.more();

    pages.prepend(entry(21));
    pages.prepend(entry(21));
    pages.prepend(entry(19));
    await readAll(pages);

    expect(ids(pages)).toEqual(Array.from({ length: 21 }, (_, index) => 21 - index));
  });

  test("do not show an entry twice that came before the first page did", async () => {
    const pages = new ActivityPages(new Journal(12).fetch);

    pages.prepend(entry(12));
    await readAll(pages);

    expect(ids(pages)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  test("are in order where some were told before the first page came, and late", async () => {
    const pages = new ActivityPages(new Journal(12).fetch);

    const running = pages.more();
    pages.prepend(entry(10));
    await running;
    for (const id of [11, 12, 13]) pages.prepend(entry(id));

    expect(ids(pages)).toEqual([13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
  });

  test("go on after a failure", async () => {
    const journal = new Journal(20);
    const pages = new ActivityPages(journal.fetch);
    journal.fails = true;
    await expect(pages.more()).rejects.toThrow("no answer");

    journal.fails = false;
    await readAll(pages);

    expect(pages.count).toBe(20);
  });

  test("are asked for once, however often one asks", async () => {
    const journal = new Journal(20);
    const pages = new ActivityPages(journal.fetch);

    await Promise.all([pages.more(), pages.more(), pages.more()]);

    expect(journal.fetches).toBe(1);
    expect(pages.count).toBe(SIZE);
  });

  test("skip those that a filter has left empty", async () => {
    let calls = 0;
    const pages = new ActivityPages(async () => {
      calls += 1;
      return { entries: calls === 5 ? [entry(1)] : [], nextToken: calls === 5 ? "" : `${calls}` };
    });

    await pages.more();

    expect(ids(pages)).toEqual([1]);
    expect(pages.hasMore).toBe(false);
  });
});
