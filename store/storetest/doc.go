// Package storetest has the suites that a cold tier of the store passes, and a
// cold tier in memory that passes them, for the tests of other packages.
package storetest
