import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { EntrySchema } from "../gen/farebox/v1/entry_pb";
import { newestOf } from "./newest";

const entry = (id: number) => create(EntrySchema, { entryId: BigInt(id) });
const newest = (some: number[], others: number[], count: number) =>
  newestOf(some.map(entry), others.map(entry), count).map(({ entryId }) => Number(entryId));

test("what was told while the list was on its way is in front of it, each once", () => {
  expect(newest([9, 8, 7], [10, 9], 3)).toEqual([10, 9, 8]);
  expect(newest([], [2, 1], 3)).toEqual([2, 1]);
  expect(newest([3, 2, 1], [], 2)).toEqual([3, 2]);
});

test("what was told late does not come before what is newer", () => {
  expect(newest([9, 8, 6], [7], 3)).toEqual([9, 8, 7]);
});
