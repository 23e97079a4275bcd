"""Compares what SensOcto exported with what it had imported, with other
people's software on both ends.

usage: compare_export.py RECORD START_MICROS SECONDS DIRECTORY

RECORD is a WFDB record, DIRECTORY holds NAME.csv, .edf, .parquet and .hea with
the first SECONDS of it.
"""

import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pyedflib
import wfdb

record, start, seconds, directory = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
path = os.path.join(directory, os.path.basename(record))

header = wfdb.rdheader(record)
end = min(int(np.ceil(header.fs * seconds)), header.sig_len)
source = wfdb.rdrecord(record, sampto=end)
digital = wfdb.rdrecord(record, physical=False, sampto=end).d_signal
times = start + np.round(np.arange(source.sig_len) * 1e6 / source.fs).astype("int64")
valid = ~np.isnan(source.p_signal)
notes = wfdb.rdann(record, "atr", sampto=end - 1) if os.path.exists(record + ".atr") else None


def steps(values):
    return np.diff(np.asarray(values, dtype="int64"))


def compare_wfdb():
    got = wfdb.rdrecord(path)
    raw = wfdb.rdrecord(path, physical=False).d_signal
    assert got.fs == source.fs and got.units == source.units and got.sig_len == source.sig_len, got.__dict__
    for i in range(source.n_sig):
        ok = valid[:, i]
        assert (np.isnan(got.p_signal[:, i]) == ~ok).all()
        assert (got.p_signal[ok, i] == source.p_signal[ok, i]).all(), source.sig_name[i]
        assert (steps(raw[ok, i]) == steps(digital[ok, i])).all(), source.sig_name[i]
    if notes:
        back = wfdb.rdann(path, "atr")
        assert (back.sample == notes.sample).all() and back.symbol == notes.symbol, "annotations"
        assert [a.rstrip("\x00") for a in back.aux_note] == [a.rstrip("\x00") for a in notes.aux_note]


def compare_edf():
    with pyedflib.EdfReader(path + ".edf") as f:
        for i in range(source.n_sig):
            ok = np.flatnonzero(valid[:, i])
            raw, values = f.readSignal(i, digital=True)[ok], f.readSignal(i)[ok]
            assert (steps(raw) == steps(digital[ok, i])).all(), source.sig_name[i]
            step = (f.getPhysicalMaximum(i) - f.getPhysicalMinimum(i)) / (f.getDigitalMaximum(i) - f.getDigitalMinimum(i))
            assert np.abs(values - source.p_signal[ok, i]).max() <= abs(step) / 2, source.sig_name[i]
        onsets, _, texts = f.readAnnotations()
    if notes:
        beats = [(o, t) for o, t in zip(onsets, texts) if not t.startswith("no signal")]
        assert len(beats) == len(notes.sample), (len(beats), len(notes.sample))
        assert np.abs(np.array([o for o, _ in beats]) - notes.sample / source.fs).max() < 2e-6
        assert all(t.startswith(s) for (_, t), s in zip(beats, notes.symbol))


def compare_columns(at, values, i):
    ok = valid[:, i]
    assert (at == times[ok]).all() and (values == source.p_signal[ok, i]).all(), source.sig_name[i]


def compare_parquet():
    table = pyarrow.parquet.read_table(path + ".parquet")
    ids = table["attribute_id"].to_numpy(zero_copy_only=False)
    at, values = table["time"].cast(pa.int64()).to_numpy(), table["value"].to_numpy()
    for i, name in enumerate(source.sig_name):
        mine = ids == name.replace(" ", "_")
        compare_columns(at[mine], values[mine], i)
    if notes:
        assert (ids == "annotations").sum() == len(notes.sample)


def compare_csv():
    table = pyarrow.csv.read_csv(path + ".csv")
    at = table["time"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
    for i in range(source.n_sig):
        values = table.column(1 + i).cast(pa.float64()).to_numpy()
        compare_columns(at[~np.isnan(values)], values[~np.isnan(values)], i)


compare_wfdb()
compare_edf()
compare_parquet()
compare_csv()
