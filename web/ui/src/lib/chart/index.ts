export { frameLoop, FrameLoop, type Drawable, type DrawHandle, type DrawOptions } from './loop.ts';
export { appendBucket, Flag, SampleRing, type MergedBucket, type RingOptions } from './ring.ts';
export { Spark, trendOf, type SparkOptions, type Trend } from './spark.ts';
export { SweepTrace, type SweepOptions } from './sweep.ts';
export { onThemeChange, theme, traceColour, type Theme } from './theme.ts';
export { default as LiveCanvas } from './LiveCanvas.svelte';
