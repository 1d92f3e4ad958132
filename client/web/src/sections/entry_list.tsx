// A list of any length: only what can be seen is laid out, at the place where it would be.

import { useSignal } from "@preact/signals";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import type { ActivityPages } from "../data/activity_pages";
import type { Entry } from "../gen/farebox/v1/entry_pb";
import { EntryDetail, EntryLine } from "./entry_line";

// As the style sheet has it, for wide and for narrow windows.
const ROW_PX_WIDE = 56;
const ROW_PX_NARROW = 76;
const NARROW = window.matchMedia("(max-width: 640px)");
// Rows beyond the edges of the window.
const MARGIN_ROWS = 12;

interface Span {
  first: number;
  last: number;
}

interface ListProps {
  pages: ActivityPages;
  // Drawn anew when it changes.
  version: number;
  onNearEnd: () => void;
  onLook: (span: Span) => void;
}

export function EntryList({ pages, version, onNearEnd, onLook }: ListProps) {
  const list = useRef<HTMLUListElement>(null);
  const detail = useRef<HTMLDivElement>(null);
  const id = useId();
  const span = useSignal<Span>({ first: 0, last: 30 });
  const openId = useSignal<bigint | undefined>(undefined);
  const detailPx = useSignal(0);
  const current = useSignal(0);
  const rowPx = useRowHeight();
  const openIndex = openId.value === undefined ? -1 : indexOf(pages, openId.value, span.value);

  useEffect(() => {
    const look = () => {
      const top = -(list.current?.getBoundingClientRect().top ?? 0);
      const first = Math.max(0, Math.floor(top / rowPx) - MARGIN_ROWS);
      const last = Math.ceil((top + window.innerHeight) / rowPx) + MARGIN_ROWS;
      if (first !== span.peek().first || last !== span.peek().last) span.value = { first, last };
    };
    look();
    window.addEventListener("scroll", look, { passive: true });
    window.addEventListener("resize", look);
    return () => {
      window.removeEventListener("scroll", look);
      window.removeEventListener("resize", look);
    };
  }, [rowPx, span, version]);

  useEffect(() => {
    onLook(span.value);
    if (span.value.last >= pages.count) onNearEnd();
  }, [span.value, version]);

  useLayoutEffect(() => {
    detailPx.value = detail.current?.offsetHeight ?? 0;
    if (detail.current === null) return;
    const resized = new ResizeObserver(() => {
      detailPx.value = detail.current?.offsetHeight ?? 0;
    });
    resized.observe(detail.current);
    return () => resized.disconnect();
  }, [openId.value, openIndex >= 0]);

  const topOf = (index: number) =>
    index * rowPx + (openIndex >= 0 && index > openIndex ? detailPx.value : 0);
  const moveTo = (index: number) => {
    const wanted = Math.min(Math.max(index, 0), pages.count - 1);
    current.value = wanted;
    const bounds = list.current?.getBoundingClientRect();
    if (bounds === undefined) return;
    const y = bounds.top + topOf(wanted);
    if (y < 120) window.scrollBy(0, y - 120);
    if (y + rowPx > window.innerHeight - 80)
      window.scrollBy(0, y + rowPx - window.innerHeight + 80);
    requestAnimationFrame(() =>
      list.current?.querySelector<HTMLElement>(`[data-row="${wanted}"] > .entry`)?.focus(),
    );
  };
  const shown = Math.min(span.value.last, pages.count - 1);
  const rows = Array.from({ length: Math.max(0, shown - span.value.first + 1) }, (_, offset) => {
    const index = span.value.first + offset;
    return { index, entry: pages.at(index) };
  });
  return (
    <ul
      ref={list}
      aria-label="Activity, newest first"
      class="entries"
      style={{ height: `${pages.count * rowPx + (openIndex >= 0 ? detailPx.value : 0)}px` }}
      onKeyDown={(event) => {
        const step = STEPS[event.key];
        if (step === undefined || !(event.target as Element).classList.contains("entry")) return;
        event.preventDefault();
        moveTo(current.value + step);
      }}
    >
      {rows.map(({ index, entry }) => (
        <li
          key={entry ? String(entry.entryId) : `row ${index}`}
          aria-posinset={index + 1}
          aria-setsize={pages.hasMore ? -1 : pages.count}
          data-row={index}
          class="row"
          style={{ transform: `translateY(${topOf(index)}px)` }}
          onFocusIn={() => {
            current.value = index;
          }}
        >
          {entry === undefined ? (
            <span class="bone" aria-hidden="true" />
          ) : (
            <EntryLine
              entry={entry}
              isOpen={index === openIndex}
              detailId={`${id}-detail`}
              tabIndex={index === current.value ? 0 : -1}
              onToggle={() => {
                current.value = index;
                openId.value = index === openIndex ? undefined : entry.entryId;
              }}
            />
          )}
          {entry !== undefined && index === openIndex && (
            <div ref={detail}>
              <EntryDetail entry={entry} id={`${id}-detail`} />
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}

const STEPS: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };

// The list grows at the top: where an entry is, is looked for among what is shown.
function indexOf(pages: ActivityPages, entryId: bigint, { first, last }: Span): number {
  for (let index = first; index <= last; index += 1) {
    if (pages.at(index)?.entryId === entryId) return index;
  }
  return -1;
}

function useRowHeight(): number {
  const isNarrow = useSignal(NARROW.matches);
  useEffect(() => {
    const change = () => {
      isNarrow.value = NARROW.matches;
    };
    NARROW.addEventListener("change", change);
    return () => NARROW.removeEventListener("change", change);
  }, [isNarrow]);
  return isNarrow.value ? ROW_PX_NARROW : ROW_PX_WIDE;
}

// The newest few, for the overview.
export function ShortList({ entries }: { entries: readonly Entry[] }) {
  const id = useId();
  const openId = useSignal<bigint | undefined>(undefined);
  return (
    <ul class="entries short">
      {entries.map((entry) => {
        const isOpen = entry.entryId === openId.value;
        return (
          <li key={String(entry.entryId)} class="row">
            <EntryLine
              entry={entry}
              isOpen={isOpen}
              detailId={`${id}-detail`}
              onToggle={() => {
                openId.value = isOpen ? undefined : entry.entryId;
              }}
            />
            {isOpen && <EntryDetail entry={entry} id={`${id}-detail`} />}
          </li>
        );
      })}
    </ul>
  );
}
