// Package peopledb keeps people in a SQL database: accounts and their
// credentials, rooms with members, sensors and invitations, grants, and
// notifications. The same statements run on SQLite and on PostgreSQL: package
// sqlite and package postgres make the tables and hand in a [SQL].
//
// It promises that a change is complete or has not happened, that it is on disk
// when a call returns, and that [DB.Changes] tells every process that shares the
// database of it. It caches nothing and knows no rules: who may do what is
// decided by its callers. Errors are sensocto.ErrNotFound, errors of code
// conflict where something is taken or was changed meanwhile, and those of the
// database.
package peopledb
