// Package rights decides who may do what with sensors and rooms. There is one
// table (table.go, and docs/rights.md for people); everything that asks gets its
// answer from it.
//
// It promises that an answer follows every change that was made before it in
// this process, and a change of another process within [PollInterval]; and that
// whoever asked to be told ([Rights.OnChanged]) hears of a change before the call
// that makes it returns. What an answer needs is read from the database once and
// kept: asking again costs no query. An error means that the database is away;
// nobody has a right then that is not known already.
package rights
