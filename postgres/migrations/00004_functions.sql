-- +goose Up

-- What follows reads chunks in SQL: docs/postgres.md says how to use it, and
-- docs/storage.md what the bytes mean. Functions that begin with an underscore
-- are parts of the others.

-- A chunk that ends with zeros may be read behind its end, which spares looking.
-- +goose StatementBegin
CREATE FUNCTION _padded(data bytea) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN data || '\x00000000000000000000000000000000'::bytea;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION _uvarint(d bytea, INOUT pos integer, OUT v bigint)
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    b     integer;
    shift integer := 0;
BEGIN
    v := 0;
    LOOP
        b := get_byte(d, pos);
        pos := pos + 1;
        v := v | ((b & 127)::bigint << shift);
        EXIT WHEN b < 128;
        shift := shift + 7;
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION _varint(d bytea, INOUT pos integer, OUT v bigint)
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    b     integer;
    shift integer := 0;
BEGIN
    v := 0;
    LOOP
        b := get_byte(d, pos);
        pos := pos + 1;
        v := v | ((b & 127)::bigint << shift);
        EXIT WHEN b < 128;
        shift := shift + 7;
    END LOOP;
    v := ((v >> 1) & 9223372036854775807) # -(v & 1);
END $$;
-- +goose StatementEnd

-- 64 bits from a position (in bits) on, of which the lowest width count.
-- +goose StatementBegin
CREATE FUNCTION _bits(d bytea, at integer, width integer) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    p    integer := at >> 3;
    s    integer := at & 7;
    word bigint  := 0;
BEGIN
    FOR k IN REVERSE 7..0 LOOP
        word := (word << 8) | get_byte(d, p + k);
    END LOOP;
    IF s > 0 THEN
        word := ((word >> s) & ~((-1)::bigint << (64 - s))) | (get_byte(d, p + 8)::bigint << (64 - s));
    END IF;
    RETURN CASE WHEN width < 64 THEN word & ~((-1)::bigint << width) ELSE word END;
END $$;
-- +goose StatementEnd

-- n packed integers from pos on.
-- +goose StatementBegin
CREATE FUNCTION _packed(d bytea, INOUT pos integer, n integer, OUT ints bigint[])
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    b      integer;
    shift  integer;
    u      bigint;
    low    bigint := 0;
    w      integer;
    widest integer := 0;
    k      integer := 0;
    lows   bigint[]  := '{}';
    widths integer[] := '{}';
    starts integer[] := '{}';
BEGIN
    WHILE k < n LOOP
        shift := 0;
        u := 0;
        LOOP
            b := get_byte(d, pos);
            pos := pos + 1;
            u := u | ((b & 127)::bigint << shift);
            EXIT WHEN b < 128;
            shift := shift + 7;
        END LOOP;
        low := low + (((u >> 1) & 9223372036854775807) # -(u & 1));
        w := get_byte(d, pos);
        pos := pos + 1;
        widest := greatest(widest, w);
        lows := lows || low;
        widths := widths || w;
        starts := starts || pos;
        pos := pos + (least(64, n - k) * w + 7) / 8;
        k := k + 64;
    END LOOP;
    IF widest <= 17 THEN -- three bytes hold an integer, wherever it begins
        ints := ARRAY(SELECT lows[g] + (((get_byte(d, p) | (get_byte(d, p + 1) << 8) | (get_byte(d, p + 2) << 16)) >> s) & ((1 << w2) - 1))
            FROM (SELECT g, w2, starts[g] + (at >> 3) AS p, at & 7 AS s
                FROM (SELECT g, w2, (i & 63) * w2 AS at
                    FROM (SELECT i, (i >> 6) + 1 AS g, widths[(i >> 6) + 1] AS w2 FROM generate_series(0, n - 1) AS i OFFSET 0) a OFFSET 0) b OFFSET 0) c);
    ELSE
        ints := ARRAY(SELECT lows[(i >> 6) + 1] + _bits(d, starts[(i >> 6) + 1] * 8 + (i & 63) * widths[(i >> 6) + 1], widths[(i >> 6) + 1])
            FROM generate_series(0, n - 1) AS i);
    END IF;
END $$;
-- +goose StatementEnd

-- The number with these 64 bits: SQL has no cast for that, and arithmetic with
-- powers of two is exact. There are no infinities and no NaN in chunks. They are
-- not STRICT, and get columns only: so PostgreSQL puts them into the query.
-- +goose StatementBegin
CREATE FUNCTION _float8(u bigint) RETURNS float8
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN u < 0 THEN -1::float8 ELSE 1::float8 END * CASE (u >> 52) & 2047
        WHEN 0 THEN (u & 4503599627370495)::float8 * power(2::float8, -1074)
        ELSE ((u & 4503599627370495) | 4503599627370496)::float8 * power(2::float8, (((u >> 52) & 2047) - 1075)::float8)
    END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION _float4(u bigint) RETURNS float8
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN u >= 2147483648 THEN -1::float8 ELSE 1::float8 END * CASE (u >> 23) & 255
        WHEN 0 THEN (u & 8388607)::float8 * power(2::float8, -149)
        ELSE ((u & 8388607) | 8388608)::float8 * power(2::float8, (((u >> 23) & 255) - 150)::float8)
    END;
-- +goose StatementEnd

-- Where the bytes of a blob begin and how many there are.
-- +goose StatementBegin
CREATE FUNCTION _blob(d bytea, INOUT pos integer, form integer, OUT size integer)
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF form <> 1 THEN
        RAISE EXCEPTION 'a chunk is compressed in a way that SQL cannot read (form %)', form
            USING HINT = 'It was not written by the server: see docs/postgres.md.';
    END IF;
    SELECT r.pos, r.v INTO pos, size FROM _uvarint(d, pos) r;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION _times(d bytea, INOUT pos integer, form integer, n integer, OUT times bigint[])
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    unit     bigint;
    t        bigint;
    whole    bigint;
    fraction bigint;
    run      bigint;
    offs     bigint;
    phase    bigint;
    size     integer;
    done     integer := 0;
    steps    bigint[];
BEGIN
    SELECT r.pos, r.v INTO pos, unit FROM _uvarint(d, pos) r;
    SELECT r.pos, r.v INTO pos, t FROM _varint(d, pos) r;
    IF form = 1 THEN -- straight lines
        SELECT r.pos, r.v INTO pos, whole FROM _varint(d, pos) r;
        SELECT r.pos, r.v INTO pos, fraction FROM _uvarint(d, pos) r;
        times := '{}';
        WHILE done < n LOOP
            SELECT r.pos, r.v INTO pos, run FROM _uvarint(d, pos) r;
            SELECT r.pos, r.v INTO pos, offs FROM _varint(d, pos) r;
            SELECT r.pos, r.v INTO pos, phase FROM _uvarint(d, pos) r;
            t := t + offs * unit;
            times := times || ARRAY(SELECT t + (i * whole + ((i * fraction + phase) >> 32)) * unit FROM generate_series(0, run - 1) AS i);
            t := t + (run * whole + ((run * fraction + phase) >> 32)) * unit;
            done := done + run;
        END LOOP;
        RETURN;
    END IF;
    IF form = 2 THEN
        SELECT r.pos, r.ints INTO pos, steps FROM _packed(d, pos, n - 1) r;
    ELSE
        SELECT r.pos, r.size INTO pos, size FROM _blob(d, pos + 1, get_byte(d, pos)) r;
        steps := array_fill(0::bigint, ARRAY[n - 1]);
        FOR i IN 1..n - 1 LOOP
            SELECT r.pos, r.v INTO pos, whole FROM _varint(d, pos) r;
            steps[i] := whole;
        END LOOP;
    END IF;
    times := array_fill(t, ARRAY[n]);
    FOR i IN 1..n - 1 LOOP
        t := t + steps[i] * unit;
        times[i + 1] := t;
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION _values(d bytea, INOUT pos integer, form integer, n integer, OUT list float8[])
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    scale   float8;
    odd     bigint;
    base    bigint;
    divisor bigint;
    degree  integer;
    skip    bigint;
    p       integer;
    size    integer;
    v       bigint;
    ints    bigint[];
    at      integer[] := '{}';
    oddest  float8[]  := '{}';
BEGIN
    IF form = 0 THEN
        list := '{}';
        RETURN;
    END IF;
    IF form > 1 THEN -- the bytes of floats: all lowest ones, then the next, …
        SELECT r.pos, r.size INTO p, size FROM _blob(d, pos + 1, get_byte(d, pos)) r;
        pos := p + size;
        IF form = 2 THEN
            list := ARRAY(SELECT _float4(u) FROM (SELECT get_byte(d, i) | (get_byte(d, i + n)::bigint << 8) | (get_byte(d, i + 2 * n)::bigint << 16)
                    | (get_byte(d, i + 3 * n)::bigint << 24) AS u FROM generate_series(p, p + n - 1) AS i OFFSET 0) x);
        ELSE
            list := ARRAY(SELECT _float8(u) FROM (SELECT get_byte(d, i) | (get_byte(d, i + n)::bigint << 8) | (get_byte(d, i + 2 * n)::bigint << 16)
                    | (get_byte(d, i + 3 * n)::bigint << 24) | (get_byte(d, i + 4 * n)::bigint << 32) | (get_byte(d, i + 5 * n)::bigint << 40)
                    | (get_byte(d, i + 6 * n)::bigint << 48) | (get_byte(d, i + 7 * n)::bigint << 56) AS u FROM generate_series(p, p + n - 1) AS i OFFSET 0) x);
        END IF;
        RETURN;
    END IF;
    scale := ('1e' || get_byte(d, pos))::float8;
    SELECT r.pos, r.v INTO pos, odd FROM _uvarint(d, pos + 1) r;
    p := 0;
    FOR k IN 1..odd LOOP
        SELECT r.pos, r.v INTO pos, skip FROM _uvarint(d, pos) r;
        p := p + 1 + skip;
        at := at || p;
        oddest := oddest || _float8(_bits(d, pos * 8, 64));
        pos := pos + 8;
    END LOOP;
    SELECT r.pos, r.v INTO pos, base FROM _varint(d, pos) r;
    SELECT r.pos, r.v INTO pos, divisor FROM _uvarint(d, pos) r;
    degree := get_byte(d, pos);
    SELECT r.pos, r.ints INTO pos, ints FROM _packed(d, pos + 1, n) r;
    FOR k IN 1..degree LOOP
        v := 0;
        FOR i IN 1..n LOOP
            v := v + ints[i];
            ints[i] := v;
        END LOOP;
    END LOOP;
    list := ARRAY(SELECT (base + x * divisor)::float8 / scale FROM unnest(ints) AS x);
    FOR k IN 1..odd LOOP
        list[at[k]] := oddest[k];
    END LOOP;
END $$;
-- +goose StatementEnd

-- The samples of a chunk, in order of arrival. n counts from 0; value is NULL
-- where the sample is a document.
-- +goose StatementBegin
CREATE FUNCTION _samples(data bytea) RETURNS TABLE (n integer, micros bigint, value float8, document text)
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE ROWS 4096 AS $$
DECLARE
    d         bytea   := _padded(data);
    pos       integer;
    count     integer;
    documents integer;
    times     bigint[];
    list      float8[];
    size      bigint;
    skip      bigint;
    at        integer := 0;
    places    integer[] := '{}';
    sizes     integer[] := '{}';
    texts     text[];
    whole     float8[];
BEGIN
    IF get_byte(d, 0) <> 1 THEN
        RAISE EXCEPTION 'a chunk of version %, but these functions read version 1', get_byte(d, 0);
    END IF;
    SELECT r.pos, r.v INTO pos, count FROM _uvarint(d, 8) r;
    SELECT r.pos, r.v INTO pos, documents FROM _uvarint(d, pos) r;
    SELECT r.pos, r.times INTO pos, times FROM _times(d, pos, get_byte(d, 1), count) r;
    SELECT r.pos, r.list INTO pos, list FROM _values(d, pos, get_byte(d, 2), count - documents) r;
    IF documents = 0 THEN
        RETURN QUERY SELECT (o - 1)::integer, t, v, NULL::text FROM unnest(times, list) WITH ORDINALITY AS u (t, v, o);
        RETURN;
    END IF;
    SELECT r.pos INTO pos FROM _blob(d, pos, get_byte(d, 3)) r;
    FOR k IN 1..documents LOOP
        SELECT r.pos, r.v INTO pos, skip FROM _uvarint(d, pos) r;
        SELECT r.pos, r.v INTO pos, size FROM _uvarint(d, pos) r;
        at := at + 1 + skip;
        places := places || at;
        sizes := sizes || size::integer;
    END LOOP;
    texts := array_fill(NULL::text, ARRAY[count]);
    FOR k IN 1..documents LOOP
        texts[places[k]] := convert_from(substring(d FROM pos + 1 FOR sizes[k]), 'UTF8');
        pos := pos + sizes[k];
    END LOOP;
    whole := array_fill(NULL::float8, ARRAY[count]);
    at := 0;
    FOR k IN 1..count LOOP
        IF texts[k] IS NULL THEN
            at := at + 1;
            whole[k] := list[at];
        END IF;
    END LOOP;
    RETURN QUERY SELECT (o - 1)::integer, t, v, x FROM unnest(times, whole, texts) WITH ORDINALITY AS u (t, v, x, o);
END $$;
-- +goose StatementEnd

-- The cells of a rollup that have numbers. from_time and to_time are of the
-- first and the last of them.
-- +goose StatementBegin
CREATE FUNCTION _cells(data bytea) RETURNS TABLE (start bigint, documents bigint, count bigint, min float8, max float8, sum float8,
        first float8, last float8, from_time bigint, to_time bigint)
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE ROWS 1000 AS $$
DECLARE
    d      bytea := _padded(data);
    pos    integer;
    cells  integer;
    filled integer;
    width  bigint;
    starts bigint[];
    docs   bigint[];
    counts bigint[];
    froms  bigint[];
    tos    bigint[];
    mins   float8[];
    maxs   float8[];
    firsts float8[];
    lasts  float8[];
    sums   float8[];
BEGIN
    IF get_byte(d, 0) <> 1 THEN
        RAISE EXCEPTION 'a rollup of version %, but these functions read version 1', get_byte(d, 0);
    END IF;
    SELECT r.pos, r.v INTO pos, cells FROM _uvarint(d, 8) r;
    SELECT r.pos, r.v INTO pos, width FROM _uvarint(d, pos) r;
    SELECT r.pos, r.ints INTO pos, starts FROM _packed(d, pos, cells) r;
    SELECT r.pos, r.ints INTO pos, docs FROM _packed(d, pos, cells) r;
    SELECT r.pos, r.ints INTO pos, counts FROM _packed(d, pos, cells) r;
    SELECT r.pos, r.ints INTO pos, froms FROM _packed(d, pos, cells) r;
    SELECT r.pos, r.ints INTO pos, tos FROM _packed(d, pos, cells) r;
    filled := (SELECT count(*) FROM unnest(counts) AS c WHERE c > 0);
    SELECT r.pos, r.list INTO pos, mins FROM _values(d, pos + 1, get_byte(d, pos), filled) r;
    SELECT r.pos, r.list INTO pos, maxs FROM _values(d, pos + 1, get_byte(d, pos), filled) r;
    SELECT r.pos, r.list INTO pos, firsts FROM _values(d, pos + 1, get_byte(d, pos), filled) r;
    SELECT r.pos, r.list INTO pos, lasts FROM _values(d, pos + 1, get_byte(d, pos), filled) r;
    SELECT r.pos, r.list INTO pos, sums FROM _values(d, pos + 1, get_byte(d, pos), filled) r;
    filled := 0;
    start := 0;
    FOR i IN 1..cells LOOP
        start := start + starts[i] * width;
        documents := docs[i];
        count := counts[i];
        min := NULL; max := NULL; sum := NULL; first := NULL; last := NULL; from_time := NULL; to_time := NULL;
        IF count > 0 THEN
            filled := filled + 1;
            min := mins[filled];
            max := maxs[filled];
            first := firsts[filled];
            last := lasts[filled];
            sum := sums[filled];
            from_time := start + froms[i];
            to_time := start + (width - 1) - tos[i];
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;
-- +goose StatementEnd

-- Times in µs and as PostgreSQL has them, exact from 2000 to 2255.
-- +goose StatementBegin
CREATE FUNCTION _time(micros bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN timestamptz '1970-01-01 00:00:00+00' + micros * interval '1 microsecond';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION _micros(t timestamptz) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN t = 'infinity' THEN 9223372036854775807 WHEN t = '-infinity' THEN -9223372036854775807
        ELSE (extract(epoch FROM t) * 1000000)::bigint END;
-- +goose StatementEnd

-- Chunks of one level of a series that overlap a range of times (µs), found by
-- an index whatever else there is, and begin with one of some numbers.
-- +goose StatementBegin
CREATE FUNCTION _chunks(series bigint, of_level integer, spans bigint, from_us bigint, to_us bigint, from_seq bigint, before_seq bigint)
    RETURNS SETOF chunk
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 100 SET enable_seqscan = off SET jit = off AS $$
DECLARE
    width bigint;
BEGIN
    FOR n IN 0..16 LOOP
        CONTINUE WHEN (spans >> n) & 1 = 0;
        width := CASE WHEN n < 15 THEN 1::bigint << (4 * n) ELSE 9223372036854775807 END;
        RETURN QUERY SELECT c.* FROM chunk c
            WHERE c.series_id = series AND c.level = of_level AND c.span = n
            AND c.min_time >= CASE WHEN from_us < -9223372036854775807 + width THEN -9223372036854775807 ELSE from_us - width END
            AND c.min_time < to_us AND c.max_time >= from_us AND c.first_seq >= from_seq AND c.first_seq < before_seq;
    END LOOP;
END $$;
-- +goose StatementEnd

-- samples returns what is stored of an attribute in a range of times (from
-- inclusive, to exclusive), in the order of the program: by time and, where that is equal, by arrival.
-- +goose StatementBegin
CREATE FUNCTION samples(sensor text, attribute text, "from" timestamptz DEFAULT '-infinity', "to" timestamptz DEFAULT 'infinity')
    RETURNS TABLE ("time" timestamptz, value float8, document json, number bigint)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 10000 SET search_path = sensocto, pg_temp SET jit = off AS $$
DECLARE
    s    series%ROWTYPE;
    low  bigint := _micros("from");
    high bigint := _micros("to");
BEGIN
    SELECT * INTO s FROM series WHERE sensor_id = sensor AND attribute_id = attribute;
    RETURN QUERY SELECT _time(x.micros), x.value, x.document::json, c.first_seq + x.n
        FROM _chunks(s.id, 0, s.spans, low, high, 0, 9223372036854775807) c, LATERAL _samples(c.data) x
        WHERE x.micros >= low AND x.micros < high
        ORDER BY x.micros, c.first_seq + x.n;
END $$;
-- +goose StatementEnd

-- Buckets of numbers, each of a part of what has the numbers from_seq up to
-- before_seq: of rollups of a level where their cells fit the width, and of what
-- is missing then one level lower, down to the samples. ord is by what pieces of equal time are ordered.
-- +goose StatementBegin
CREATE FUNCTION _pieces(series bigint, of_level integer, spans bigint, rollup_spans bigint, from_us bigint, to_us bigint, width bigint, from_seq bigint, before_seq bigint)
    RETURNS TABLE (start bigint, count bigint, min float8, max float8, sum float8, first float8, last float8, from_time bigint, to_time bigint, ord bigint)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 1000 SET jit = off AS $$
DECLARE
    c    chunk%ROWTYPE;
    next bigint := from_seq;
    gaps bigint[] := '{}';
BEGIN
    FOR c IN SELECT * FROM _chunks(series, of_level, CASE WHEN of_level = 0 THEN spans ELSE rollup_spans END, from_us, to_us, from_seq, before_seq) AS x
        ORDER BY x.first_seq LOOP
        IF c.min_time >= from_us AND c.max_time < to_us AND (c.min_time - from_us) / width = (c.max_time - from_us) / width THEN
            IF c.numbers > 0 THEN
                RETURN QUERY SELECT from_us + (c.min_time - from_us) / width * width, c.numbers::bigint, c.min, c.max, c.sum, c.first, c.last,
                    c.from_time, c.to_time, c.first_seq;
            END IF;
        ELSIF of_level = 0 THEN
            RETURN QUERY SELECT from_us + (x.micros - from_us) / width * width, count(*), min(x.value), max(x.value), sum(x.value),
                (array_agg(x.value ORDER BY x.micros, x.n))[1], (array_agg(x.value ORDER BY x.micros DESC, x.n DESC))[1],
                min(x.micros), max(x.micros), c.first_seq
                FROM _samples(c.data) x WHERE x.micros >= from_us AND x.micros < to_us AND x.document IS NULL
                GROUP BY (x.micros - from_us) / width;
        ELSIF width % c.cell = 0 AND c.first_seq + c.samples <= before_seq THEN
            RETURN QUERY SELECT from_us + (x.start - from_us) / width * width, x.count, x.min, x.max, x.sum, x.first, x.last,
                x.from_time, x.to_time, c.first_seq
                FROM _cells(c.data) x WHERE x.start >= from_us AND x.start < to_us AND x.count > 0;
        ELSE
            CONTINUE;
        END IF;
        IF of_level > 0 AND next < c.first_seq THEN
            gaps := gaps || next || c.first_seq;
        END IF;
        next := c.first_seq + c.samples;
    END LOOP;
    IF of_level = 0 THEN
        RETURN;
    END IF;
    gaps := gaps || next || before_seq;
    FOR i IN 1..cardinality(gaps) BY 2 LOOP
        IF gaps[i] < gaps[i + 1] THEN
            RETURN QUERY SELECT * FROM _pieces(series, of_level - 1, spans, rollup_spans, from_us, to_us, width, gaps[i], gaps[i + 1]);
        END IF;
    END LOOP;
END $$;
-- +goose StatementEnd

-- buckets returns the numbers of an attribute in buckets of a width, which begin
-- at its multiples since 1970 in UTC, first and last by time; empty ones are left out. It covers all
-- buckets that the range touches, and takes what it can from rollups.
-- +goose StatementBegin
CREATE FUNCTION buckets(sensor text, attribute text, width interval, "from" timestamptz DEFAULT '-infinity', "to" timestamptz DEFAULT 'infinity')
    RETURNS TABLE ("time" timestamptz, count bigint, min float8, max float8, mean float8, sum float8, first float8, last float8)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 1000 SET search_path = sensocto, pg_temp SET jit = off AS $$
DECLARE
    s    series%ROWTYPE;
    w    bigint := (extract(epoch FROM width) * 1000000)::bigint;
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
    low := low - ((low % w) + w) % w;
    high := high - 1 - (((high - 1) % w) + w) % w + w;
    RETURN QUERY SELECT _time(p.start), sum(p.count)::bigint, min(p.min), max(p.max), least(greatest(sum(p.sum) / sum(p.count), min(p.min)), max(p.max)), sum(p.sum),
        (array_agg(p.first ORDER BY p.from_time, p.ord))[1], (array_agg(p.last ORDER BY p.to_time DESC, p.ord DESC))[1]
        FROM _pieces(s.id, 4, s.spans, s.rollup_spans, low, high, w, 0, 9223372036854775807) p
        GROUP BY p.start ORDER BY p.start;
END $$;
-- +goose StatementEnd

-- What there is, with times as PostgreSQL has them.
CREATE VIEW series_info AS
    SELECT s.sensor_id AS sensor, s.attribute_id AS attribute, coalesce(n.name, '') AS sensor_name, coalesce(n.type, '') AS sensor_type,
        coalesce(a.type, '') AS type, coalesce(a.unit, '') AS unit, _time(s.min_time) AS "from", _time(s.max_time) AS "to",
        s.samples, s.chunks, s.bytes, s.rollup_bytes
    FROM series s LEFT JOIN sensor n ON n.id = s.sensor_id LEFT JOIN attribute a ON a.sensor_id = s.sensor_id AND a.id = s.attribute_id;

CREATE VIEW chunk_info AS
    SELECT s.sensor_id AS sensor, s.attribute_id AS attribute, c.level, c.first_seq AS number, c.samples, c.numbers,
        _time(c.min_time) AS "from", _time(c.max_time) AS "to", c.min, c.max, c.sum / nullif(c.numbers, 0) AS mean, c.sum, c.first, c.last,
        c.cell * interval '1 microsecond' AS cell, octet_length(c.data) AS bytes, c.series_id
    FROM chunk c JOIN series s ON s.id = c.series_id;
