"""Reads recordings that SensOcto wrote with other people's software.

usage: read_files.py DIRECTORY

For each file the list found.json in the directory tells what is in it: its
signals with name, unit, rate, times (µs, int64), physical and digital values
(float64, all little endian, NaN for what is missing), and its annotations.
"""

import datetime
import json
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pyedflib
import wfdb

directory = sys.argv[1]
found = []


def save(path, i, kind, values, dtype="<f8"):
    name = f"{os.path.relpath(path, directory)}.{i}.{kind}"
    np.asarray(values, dtype=dtype).tofile(os.path.join(directory, name))
    return name


def signal(path, i, name, unit, rate, times, values, digital=None, documents=None):
    return {
        "name": name, "unit": unit, "rate": rate, "times": save(path, i, "times", times, "<i8"),
        "values": save(path, i, "values", values), "documents": documents or [],
        "digital": save(path, i, "digital", digital) if digital is not None else "",
    }


def micros(moment):
    """Unix time in µs of a moment without time zone, which is UTC."""
    return (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)


def grid(start, rate, count):
    return start + np.round(np.arange(count) * 1e6 / rate).astype("int64")


def read_wfdb(path):
    record = path.removesuffix(".hea")
    physical = wfdb.rdrecord(record, smooth_frames=False, return_res=64)
    digital = wfdb.rdrecord(record, smooth_frames=False, physical=False, return_res=64)
    start = micros(physical.base_datetime)
    notes = []
    if os.path.exists(record + ".atr"):
        a = wfdb.rdann(record, "atr")
        notes = [
            {"at": start + round(s * 1e6 / (a.fs or physical.fs)), "type": y, "text": (x or "").rstrip("\x00")}
            for s, y, x in zip(a.sample.tolist(), a.symbol, a.aux_note)
        ]
    signals = []
    for i in range(physical.n_sig):
        rate = physical.fs * physical.samps_per_frame[i]
        values = physical.e_p_signal[i]
        signals.append(signal(path, i, physical.sig_name[i], physical.units[i], rate, grid(start, rate, len(values)), values,
                              np.where(np.isnan(values), np.nan, digital.e_d_signal[i])))
    return signals, notes


def read_edf(path):
    with pyedflib.EdfReader(path) as f:
        start = micros(f.getStartdatetime().replace(microsecond=0)) + f.starttime_subsecond // 10
        signals = []
        for i in range(f.signals_in_file):
            rate = f.samples_in_datarecord(i) / f.datarecord_duration
            values = f.readSignal(i)
            signals.append(signal(path, i, f.getLabel(i), f.getPhysicalDimension(i), rate, grid(start, rate, len(values)),
                                  values, f.readSignal(i, digital=True)))
        onsets, durations, texts = f.readAnnotations()
    # pyedflib counts onsets from the first sample.
    notes = [
        {"at": start + round(o * 1e6), "duration": max(round(d * 1e6), 0), "text": str(t), "type": ""}
        for o, d, t in zip(onsets.tolist(), np.asarray(durations, dtype=float).tolist(), texts)
    ]
    return signals, notes


def read_parquet(path):
    table = pyarrow.parquet.read_table(path)
    assert [(f.name, f.type) for f in table.schema] == [
        ("time", pa.timestamp("us", tz="UTC")), ("sensor_id", pa.string()), ("attribute_id", pa.string()),
        ("value", pa.float64()), ("document", pa.string())], table.schema
    about = json.loads(table.schema.metadata[b"sensocto"])
    signals = []
    for i, a in enumerate(about["attributes"]):
        part = table.filter(pa.compute.equal(table["attribute_id"], a["id"]))
        assert set(part["sensor_id"].to_pylist()) <= {about["sensor_id"]}
        numbers = part.filter(part["value"].is_valid())
        documents = part.filter(part["document"].is_valid())
        assert len(numbers) + len(documents) == len(part)
        signals.append(signal(path, i, a["id"], a["unit"], a["rate"], numbers["time"].cast(pa.int64()).to_numpy(),
                              numbers["value"].to_numpy(), None, documents["document"].to_pylist()))
    return signals, []


def read_csv(path):
    table = pyarrow.csv.read_csv(path)
    times = table["time"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
    signals = []
    for i, name in enumerate(table.column_names[1:]):
        valid = table[name].is_valid().to_numpy()
        if pa.types.is_string(table[name].type):
            signals.append(signal(path, i, name, "", 0, [], [], None, [t for t in table[name].to_pylist() if t]))
        else:
            signals.append(signal(path, i, name, "", 0, times[valid], table[name].cast(pa.float64()).to_numpy()[valid]))
    return signals, []


readers = {".hea": read_wfdb, ".edf": read_edf, ".parquet": read_parquet, ".csv": read_csv}
for root, _, files in os.walk(directory):
    for name in sorted(files):
        path = os.path.join(root, name)
        if read := readers.get(os.path.splitext(name)[1]):
            signals, notes = read(path)
            found.append({"path": os.path.relpath(path, directory), "signals": signals, "annotations": notes})
with open(os.path.join(directory, "found.json"), "w") as f:
    json.dump(found, f)
