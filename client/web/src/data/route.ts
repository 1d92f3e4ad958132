// Which part of the page is shown: the path. Links are ordinary ones; a click on one of ours is
// taken over, so that what was loaded stays.

import { computed, signal } from "@preact/signals";

export const PARTS = ["overview", "activity", "rates", "numbers", "keys"] as const;
export type Part = (typeof PARTS)[number];

export function pathOf(part: Part): string {
  return part === "overview" ? "/" : `/${part}`;
}

let isFollowed = false;
const location = signal(window.location.pathname);

export const part = computed<Part>(
  () => PARTS.find((name) => pathOf(name) === location.value) ?? "overview",
);

export function go(path: string, how: "push" | "replace" = "push"): void {
  if (how === "push") history.pushState(null, "", path);
  else history.replaceState(null, "", path);
  location.value = window.location.pathname;
}

window.addEventListener("popstate", () => {
  location.value = window.location.pathname;
});

// For a link's onClick.
export function follow(event: MouseEvent): void {
  const link = event.currentTarget as HTMLAnchorElement;
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  event.preventDefault();
  isFollowed = true;
  go(link.pathname);
  window.scrollTo(0, 0);
}

// Whether a link has led to the part that is shown now, so that its title gets the focus. Asked
// once.
export function takeFollowed(): boolean {
  const was = isFollowed;
  isFollowed = false;
  return was;
}
