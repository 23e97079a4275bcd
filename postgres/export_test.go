package postgres

// RangeQuery is for tests of its plan.
var RangeQuery = rangeQuery

// VersionTable is where the version of the schema is.
var VersionTable = versionTable(Schema)
