package postgres_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
	"github.com/sensocto/sensocto/store"
)

// TestDocs_SQL runs what docs/postgres.md shows, as one who may only read where
// Grafana is meant, whose macros are what it would put there.
func TestDocs_SQL(t *testing.T) {
	text, err := os.ReadFile("../docs/postgres.md")
	if err != nil {
		t.Fatal(err)
	}
	url := shared.Database(t)
	db := open(t, url, postgres.Options{Exclusive: true, Plain: store.Plain()})
	if err := db.SaveSensor(t.Context(), sensocto.Sensor{ID: "chest-strap-7", Attributes: []sensocto.Attribute{{ID: "ecg", Unit: "mV"}}}); err != nil {
		t.Fatal(err)
	}
	cols := &store.Columns{}
	for i := range 3600 {
		cols.Times, cols.Values = append(cols.Times, 1_767_225_600_000_000+int64(i)*1_000_000), append(cols.Values, float64(i)/8)
	}
	c := chunkOf("chest-strap-7", 0, cols)
	c.AttributeID = "ecg"
	if err := db.WriteChunks(t.Context(), []sensocto.Chunk{c}); err != nil {
		t.Fatal(err)
	}

	macros := strings.NewReplacer("$__interval", "1m", "$__timeFrom()", "'2026-01-01T00:00:00Z'", "$__timeTo()", "'2026-01-01T01:00:00Z'")
	as, rows := url, map[string]int{}
	t.Cleanup(func() { postgrestest.Exec(t, url, "DROP OWNED BY grafana", "DROP ROLE grafana") })
	for _, block := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for _, sql := range strings.Split(strings.TrimSpace(block[1]), ";\n") {
			if strings.HasPrefix(sql, "CREATE ROLE") || strings.HasPrefix(sql, "GRANT") {
				postgrestest.Exec(t, url, sql)
				as = strings.Replace(url, "sensocto:"+postgrestest.Password(), "grafana:change%20me", 1)
				continue
			}
			sql = strings.TrimSuffix(macros.Replace(sql), ";")
			if postgrestest.Query[int64](t, as, "SELECT count(*) FROM ("+sql+"\n) q")[0] == 0 {
				t.Errorf("no rows of %s", sql)
			}
			rows[as]++
		}
	}
	if rows[url] != 4 || rows[as] != 3 {
		t.Errorf("ran %v statements", rows)
	}
	if postgrestest.Query[bool](t, url, "SELECT has_table_privilege('grafana', 'sensocto.token', 'SELECT')")[0] {
		t.Error("grafana reads tokens")
	}
}
