// Draws charts; fetched after the rest of the page. Amounts become floating-point numbers here, and
// only to find the pixel that they belong to: what is written is formatted from the exact amounts.

import uPlot from "uplot";

export interface Series {
  name: string;
  // A custom property of the style sheet, e.g. --item-4.
  color: string;
  micros: readonly bigint[];
}

export interface Chart {
  // One for each point, as the axis writes it.
  labels: readonly string[];
  series: readonly Series[];
  kind: "line" | "bars";
  format: (micros: bigint) => string;
  // What is told about a point.
  describe: (index: number) => readonly string[];
}

const HEIGHT = 220;
const LABEL_PX = 64;

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Each series on top of those before it: the last is drawn first, and covered by the others.
function stack(series: readonly Series[]): number[][] {
  const sums = series[0]?.micros.map(() => 0n) ?? [];
  return series.map(({ micros }) =>
    micros.map((value, index) => {
      sums[index] = (sums[index] ?? 0n) + value;
      return Number(sums[index]);
    }),
  );
}

function axes(chart: Chart): uPlot.Axis[] {
  const stroke = color("--faint");
  const grid = { stroke: color("--line"), width: 1 };
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const labelOf = (value: number) => (Number.isInteger(value) ? (chart.labels[value] ?? "") : "");
  return [
    {
      stroke,
      font,
      grid: { show: false },
      ticks: { show: false },
      space: LABEL_PX,
      size: 32,
      incrs: [1, 2, 3, 5, 7, 10, 14, 15, 30, 60, 90, 180],
      values: (_, splits) => splits.map(labelOf),
    },
    {
      stroke,
      font,
      grid,
      ticks: { show: false },
      size: 64,
      values: (_, splits) => splits.map((value) => chart.format(BigInt(Math.round(value)))),
    },
  ];
}

function seriesOf(chart: Chart): uPlot.Series[] {
  if (chart.kind === "line") {
    return chart.series.map((series) => ({
      stroke: color(series.color),
      fill: `${color(series.color)}22`,
      width: 2,
      points: { show: false },
    }));
  }
  const bars = uPlot.paths.bars?.({ size: [0.7, 28], radius: 0 });
  return chart.series.toReversed().map((series) => ({
    fill: color(series.color),
    width: 0,
    points: { show: false },
    ...(bars && { paths: bars }),
  }));
}

function dataOf(chart: Chart): uPlot.AlignedData {
  const xs = chart.labels.map((_, index) => index);
  if (chart.kind === "bars") return [xs, ...stack(chart.series).toReversed()];
  return [xs, ...chart.series.map(({ micros }) => micros.map(Number))];
}

function range(chart: Chart): uPlot.Scale.Range {
  return (_, low, high) => {
    const bottom = chart.kind === "bars" ? 0 : Math.min(low ?? 0, 0);
    const top = Math.max(high ?? 0, 0);
    return uPlot.rangeNum(bottom, top === bottom ? bottom + 1_000_000 : top, {
      min: { pad: bottom < 0 ? 0.1 : 0, soft: 0, mode: 1 },
      max: { pad: 0.12, soft: 0, mode: 1 },
    });
  };
}

// The words beside the pointer.
function tooltip(chart: Chart): uPlot.Plugin {
  const box = document.createElement("div");
  box.className = "tooltip";
  box.hidden = true;
  return {
    hooks: {
      init: (plot) => plot.over.append(box),
      setCursor: (plot) => {
        const { idx, left = 0 } = plot.cursor;
        box.hidden = idx === null || idx === undefined || left < 0;
        if (box.hidden || typeof idx !== "number") return;
        box.replaceChildren(
          ...chart.describe(idx).map((line) => {
            const row = document.createElement("div");
            row.textContent = line;
            return row;
          }),
        );
        const isRight = left > plot.over.clientWidth / 2;
        box.style.left = isRight ? "auto" : `${left + 12}px`;
        box.style.right = isRight ? `${plot.over.clientWidth - left + 12}px` : "auto";
      },
    },
  };
}

function plotInto(target: HTMLElement, chart: Chart): uPlot {
  const margin = chart.kind === "bars" ? 0.5 : 0;
  const last = Math.max(chart.labels.length - 1, 1);
  const options: uPlot.Options = {
    width: Math.max(target.clientWidth, 200),
    height: HEIGHT,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: chart.kind === "line" } },
    scales: { x: { time: false, range: [-margin, last + margin] }, y: { range: range(chart) } },
    axes: axes(chart),
    series: [{}, ...seriesOf(chart)],
    plugins: [tooltip(chart)],
  };
  return new uPlot(options, dataOf(chart), target);
}

// Draws, and draws anew where the page changes its size or its colours. Returns what ends it.
export function draw(target: HTMLElement, chart: Chart): () => void {
  let plot = plotInto(target, chart);
  const resized = new ResizeObserver(() => {
    const width = Math.max(target.clientWidth, 200);
    if (width !== plot.width) plot.setSize({ width, height: HEIGHT });
  });
  resized.observe(target);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const recolor = () => {
    plot.destroy();
    plot = plotInto(target, chart);
  };
  dark.addEventListener("change", recolor);
  return () => {
    dark.removeEventListener("change", recolor);
    resized.disconnect();
    plot.destroy();
  };
}
