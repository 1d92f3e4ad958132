// Drawn for this page on a grid of 24; they say nothing that the words beside them do not.

const SHAPES = {
  activity: "M4 6h16M4 12h16M4 18h10",
  card: "M3 7a2 2 0 0 1 2-2h14a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2zM3 10h18M7 15h3",
  chevron: "M9 6l6 6-6 6",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  keys: "M14.5 9.5L21 3M17 7l2.5 2.5M10 18a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM13 11l2-2",
  numbers: "M5 9h14M5 15h14M10 4L8 20M16 4l-2 16",
  offline:
    "M4 4l16 16M8.5 15.5a5 5 0 0 1 5-1.2M5 12a10 10 0 0 1 4-2.4M13 9.2a10 10 0 0 1 6 2.8M12 19h.01",
  overview: "M4 12l8-8 8 8M6 10v10h12V10",
  plus: "M12 5v14M5 12h14",
  rates: "M4 19V5M4 19h16M8 15l4-5 3 3 5-7",
  refresh: "M20 11a8 8 0 1 0-2 6M20 5v6h-6",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4",
  signOut: "M10 4H5v16h5M9 12h11M16 8l4 4-4 4",
  warning: "M12 4L2.5 20h19zM12 10v5M12 17.5v.5",
} as const;

export type IconName = keyof typeof SHAPES;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}
