// The lines of the filter as a file. The server streams them; how far it is, is shown.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { type Filter, requestOf } from "../data/activity_filter";
import { explain, isAborted, type Problem } from "../data/problems";
import { type Scope, useScope } from "../data/scope";
import { Button } from "../parts/controls";
import { Dialog } from "../parts/dialog";
import { Note, ProblemNote } from "../parts/states";
import { plural } from "../words/items";

interface Progress {
  done: bigint;
  total: bigint;
  isOver: boolean;
}

// A file that the browser keeps on disk where it must: never one string.
async function fetchCsv(
  scope: Scope,
  filter: Filter,
  abort: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<Blob> {
  const { accountId, calendar, server } = scope;
  const request = { accountId, ...requestOf(filter, calendar) };
  const type = "text/csv;charset=utf-8";
  let file = new Blob([], { type });
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  let gathered = 0;
  const options = { signal: abort, timeoutMs: 0 };
  for await (const answer of server.account.exportActivity(request, options)) {
    pieces.push(new Uint8Array(answer.csv));
    gathered += answer.csv.length;
    if (gathered > 4 << 20) {
      file = new Blob([file, ...pieces], { type });
      pieces = [];
      gathered = 0;
    }
    onProgress({ done: answer.exportedEntries, total: answer.totalEntries, isOver: false });
  }
  return new Blob([file, ...pieces], { type });
}

function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export function ExportButton({ filter }: { filter: Filter }) {
  const scope = useScope();
  const progress = useSignal<Progress | undefined>(undefined);
  const problem = useSignal<Problem | undefined>(undefined);
  const running = useRef<AbortController | null>(null);
  const start = async () => {
    const abort = new AbortController();
    running.current = abort;
    problem.value = undefined;
    progress.value = { done: 0n, total: 0n, isOver: false };
    try {
      const file = await fetchCsv(scope, filter, abort.signal, (told) => {
        progress.value = told;
      });
      const days = [filter.fromDay, filter.toDay].filter((day) => day !== "");
      save(file, `${["activity", scope.accountId, ...days].join("-")}.csv`);
      progress.value = { ...(progress.peek() ?? { done: 0n, total: 0n }), isOver: true };
    } catch (thrown) {
      if (abort.signal.aborted && isAborted(thrown)) return;
      problem.value = explain(thrown);
    }
  };
  const close = () => {
    running.current?.abort();
    progress.value = undefined;
  };
  return (
    <>
      <Button icon="download" onClick={() => void start()}>
        Export CSV
      </Button>
      {progress.value && (
        <Dialog title="Export to CSV" onClose={close}>
          <div class="dialog-body">
            {problem.value ? (
              <ProblemNote problem={problem.value} onRetry={() => void start()} />
            ) : (
              <ExportProgress progress={progress.value} />
            )}
          </div>
          <footer>
            <Button onClick={close}>{progress.value.isOver ? "Done" : "Cancel"}</Button>
          </footer>
        </Dialog>
      )}
    </>
  );
}

function ExportProgress({ progress }: { progress: Progress }) {
  const { done, total, isOver } = progress;
  if (isOver) return <Note kind="good">{plural(done, "entry", "entries")} exported.</Note>;
  // A hundredth is exact enough for a bar.
  const percent = total > 0n ? Number((done * 100n) / total) : 0;
  return (
    <>
      <progress value={percent} max={100} aria-label="Export" />
      <p class="faint" role="status">
        {total > 0n
          ? `${done.toLocaleString()} of ${plural(total, "entry", "entries")}`
          : "Counting the entries"}
      </p>
    </>
  );
}
