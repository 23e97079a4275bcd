-- +goose Up

-- Where retention has left nothing but rollups of a level, buckets cannot be
-- finer than their cells: the widest of these in a range, 1 where there are none.
-- +goose StatementBegin
CREATE FUNCTION _widest(series bigint, rollup_spans bigint, from_us bigint, to_us bigint) RETURNS bigint
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET jit = off AS $$
DECLARE
    below  bigint := 9223372036854775807; -- from here on there is something finer
    first  bigint;
    cell   bigint;
    widest bigint := 1;
BEGIN
    FOR of_level IN 0..4 LOOP
        IF of_level > 0 THEN
            SELECT max(c.cell) INTO cell FROM _chunks(series, of_level, rollup_spans, from_us, to_us, 0, below) c;
            widest := greatest(widest, cell);
        END IF;
        SELECT c.first_seq INTO first FROM chunk c WHERE c.series_id = series AND c.level = of_level ORDER BY c.first_seq LIMIT 1;
        below := least(below, first);
    END LOOP;
    RETURN widest;
END $$;
-- +goose StatementEnd

-- buckets is as before and, where samples of the range are gone, as wide as it
-- has to be.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION buckets(sensor text, attribute text, width interval, "from" timestamptz DEFAULT '-infinity', "to" timestamptz DEFAULT 'infinity')
    RETURNS TABLE ("time" timestamptz, count bigint, min float8, max float8, mean float8, sum float8, first float8, last float8)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 1000 SET search_path = sensocto, pg_temp SET jit = off AS $$
DECLARE
    s    series%ROWTYPE;
    w    bigint := (extract(epoch FROM width) * 1000000)::bigint;
    cell bigint;
    low  bigint;
    high bigint;
BEGIN
    IF w <= 0 THEN
        RAISE EXCEPTION 'the width of buckets must be positive, not %', width;
    END IF;
    SELECT * INTO s FROM series WHERE sensor_id = sensor AND attribute_id = attribute;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    low := greatest(_micros("from"), s.min_time);
    high := least(_micros("to"), s.max_time + 1);
    IF low >= high THEN
        RETURN;
    END IF;
    IF s.samples < s.next_seq THEN
        cell := _widest(s.id, s.rollup_spans, low, high);
        w := (w + cell - 1) / cell * cell;
    END IF;
    low := low - ((low % w) + w) % w;
    high := high - 1 - (((high - 1) % w) + w) % w + w;
    RETURN QUERY SELECT _time(p.start), sum(p.count)::bigint, min(p.min), max(p.max), least(greatest(sum(p.sum) / sum(p.count), min(p.min)), max(p.max)), sum(p.sum),
        (array_agg(p.first ORDER BY p.from_time, p.ord))[1], (array_agg(p.last ORDER BY p.to_time DESC, p.ord DESC))[1]
        FROM _pieces(s.id, 4, s.spans, s.rollup_spans, low, high, w, 0, 9223372036854775807) p
        GROUP BY p.start ORDER BY p.start;
END $$;
-- +goose StatementEnd
