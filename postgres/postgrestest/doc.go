// Package postgrestest starts a real PostgreSQL for tests: a server of its own
// on a free port of 127.0.0.1, in a temporary directory, as a user without
// rights, which ends with the tests whatever becomes of them.
//
// Tests that need it fail where PostgreSQL is not installed, and say how to
// install it; they are skipped only where the environment variable
// SENSOCTO_TEST_POSTGRES is off.
package postgrestest
