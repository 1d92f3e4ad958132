import { vi } from "vitest";

// For tests of what is kept in a tab: an empty one, until vi.unstubAllGlobals().
export function stubSessionStorage(): void {
  const kept = new Map<string, string>();
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
}
