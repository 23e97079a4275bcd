// Package backup writes everything that a server keeps into one stream, and
// brings it back: sensors with their attributes, the chunks of all series
// with their rollups, tokens (their hashes), people, and
// the secret of shared rooms. The format (docs/storage.md)
// knows nothing of the database that the data comes from or goes to.
//
// Every entry of an archive carries a SHA-256 that covers it and, through the
// one before, all that was before it; the last entry says how much there is.
// So an archive that was cut, shortened, put together or changed in one bit is
// refused, and one that [Scan] reads to its end is complete.
//
// [Write] reads each level of each series in one snapshot: of every series the
// archive holds what was in the cold tier when Write began, and perhaps what
// came meanwhile, always without a hole. Whoever wants all that was
// acknowledged before flushes the store first. The package holds a block of
// chunks in memory, not a series.
package backup
