/** What another language must have: the same messages with the same parameters. */
export type Translation<Area> = {
  readonly [Name in keyof Area]: Area[Name] extends (...args: infer Args) => string ? (...args: Args) => string : never;
};
