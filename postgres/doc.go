// Package postgres keeps everything that outlives the process in a PostgreSQL
// database: the chunks of the cold tier, the catalog of sensors, and tokens;
// and gives people who ask it in SQL samples and buckets in plain columns
// (docs/postgres.md).
//
// It promises that a call that returned without an error is committed, that
// writes are atomic and may be repeated when their outcome was lost, and that
// readers neither wait for the writer nor see half of a write. Several
// processes may use one database, but only one may store samples, see
// Options.Exclusive: every write of its goes through one connection, which
// holds a lock; where the connection is lost, nothing is written before there
// is a new one with the lock.
//
// A database that is away makes calls fail with sensocto.ErrUnavailable, the
// first within a bounded time and the others at once, until it is back; that
// is noticed by itself. No error holds the password. It does not retry writes,
// and deletes nothing but what it is asked to.
package postgres
