package peopledb

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sensocto/sensocto"
)

// dumped are the tables that a backup holds, in an order in which rows can be
// brought back. Sessions and links are no part of it: they are over by then.
var dumped = []string{
	"account", "passkey", "external_identity", "room", "member", "ban", "share", "sensor_grant", "invitation", "notification", "recording", "alert", "audit", "shared_room", "room_fact", "erased_member", "person_key",
}

// tokenTable holds personal tokens: they come back only where that is asked for.
const tokenTable = "token"

// record is a row of a table, with its values by column.
type record struct {
	Table  string         `json:"table"`
	Values map[string]any `json:"values"`
}

// Dump returns everything about people as lines of JSON, which Load brings back
// into any database: rows of one moment.
func (db *DB) Dump(ctx context.Context) (records []json.RawMessage, err error) {
	err = db.sql.View(ctx, func(ctx context.Context, pool *sql.DB) error {
		tx, err := pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
		if err != nil { // SQLite knows no levels: each of its transactions sees one moment
			tx, err = pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		}
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // nothing was written
		for _, table := range dumped {
			if records, err = dump(ctx, tx, records, table, ""); err != nil {
				return err
			}
		}
		records, err = dump(ctx, tx, records, tokenTable, ` WHERE account_id <> '' AND kind = '`+string(sensocto.KindToken)+`'`)
		return err
	})
	return records, err
}

// dump appends the rows of a table.
func dump(ctx context.Context, tx *sql.Tx, records []json.RawMessage, table, where string) ([]json.RawMessage, error) {
	rows, err := tx.QueryContext(ctx, `SELECT * FROM `+table+where)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		cells, pointers := make([]any, len(columns)), make([]any, len(columns))
		for i := range cells {
			pointers[i] = &cells[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return nil, err
		}
		r := record{Table: table, Values: make(map[string]any, len(columns))}
		for i, name := range columns {
			if b, ok := cells[i].([]byte); ok {
				cells[i] = map[string][]byte{"base64": b}
			}
			r.Values[name] = cells[i]
		}
		line, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		records = append(records, line)
	}
	return records, rows.Err()
}

// Load brings back what Dump returned, into a database without people, all of it
// or nothing. Personal tokens are left out unless tokens is set. It returns how many
// accounts came.
func (db *DB) Load(ctx context.Context, records []json.RawMessage, tokens bool) (accounts int, err error) {
	err = db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		known := map[string][]string{} // columns, by table
		for _, line := range records {
			var r record
			d := json.NewDecoder(bytes.NewReader(line))
			d.UseNumber() // times in µs are exact
			if err := d.Decode(&r); err != nil {
				return fmt.Errorf("a record of people cannot be read: %w", err)
			}
			if r.Table == tokenTable && !tokens {
				continue
			}
			if err := insert(ctx, tx, known, r); err != nil {
				return err
			}
			if r.Table == "account" {
				accounts++
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE shared_room SET restored = 1`) // they may have gone on since
		return err
	})
	return accounts, err
}

// insert writes a row. Names of tables and columns are those of the database: what
// a file says is compared, never made a part of a statement.
func insert(ctx context.Context, tx *sql.Tx, known map[string][]string, r record) error {
	if !slices.Contains(dumped, r.Table) && r.Table != tokenTable {
		return fmt.Errorf("there is no table %q of people: the backup is of a newer version of sensocto", r.Table)
	}
	columns, ok := known[r.Table]
	if !ok {
		var err error
		if columns, err = columnsOf(ctx, tx, r.Table); err != nil {
			return err
		}
		known[r.Table] = columns
	}
	var names, marks []string
	var values []any
	for _, name := range columns {
		value, ok := r.Values[name]
		if !ok {
			continue // of a newer column: it has a default
		}
		v, err := cell(value)
		if err != nil {
			return fmt.Errorf("column %s of %s: %w", name, r.Table, err)
		}
		names, values = append(names, name), append(values, v)
		marks = append(marks, fmt.Sprint("$", len(values)))
	}
	if len(values) < len(r.Values) {
		return fmt.Errorf("a row of %s has columns that are unknown: the backup is of a newer version of sensocto", r.Table)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO `+r.Table+` (`+strings.Join(names, ", ")+`) VALUES (`+strings.Join(marks, ", ")+`)`, values...)
	if err != nil {
		return fmt.Errorf("bring back a row of %s: %w", r.Table, err)
	}
	return nil
}

func columnsOf(ctx context.Context, tx *sql.Tx, table string) ([]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT * FROM `+table+` LIMIT 0`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return rows.Columns()
}

var errCell = errors.New("the value is of no kind that a backup has")

// cell returns a value as a statement takes it.
func cell(v any) (any, error) {
	switch v := v.(type) {
	case nil, string:
		return v, nil
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		return v.Float64() // a threshold; the database refuses it where it has integers
	case map[string]any:
		text, ok := v["base64"].(string)
		if !ok || len(v) != 1 {
			return nil, errCell
		}
		var b []byte
		if err := json.Unmarshal([]byte(`"`+text+`"`), &b); err != nil {
			return nil, errCell
		}
		return b, nil
	}
	return nil, errCell
}
